/** The hub: a broadcast server of event streams. */

export type { Claims } from './authorization/claims.js';
export { BROKER, Hub } from './hub.js';
export type { HubHooks, HubLimits, PublishRequest, SubscribeRequest } from './hub-core.js';
export { HubLogger, type HubLoggerOptions } from './hub-logger.js';
export type { HubOptions } from './hub-options.js';
export type { GivenUpdate, Update } from './updates/update.js';
