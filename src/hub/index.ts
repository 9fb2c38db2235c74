/** The hub: a broadcast server of event streams. */

export type { Claims } from './authorization/claims.js';
export type { JwtKey } from './authorization/jwt-key.js';
export { type Grant, TokenSigner } from './authorization/token-signer.js';
export { BROKER, Hub } from './hub.js';
export type { HubHooks, HubLimits, PublishRequest, SubscribeRequest } from './hub-core.js';
export { type HubLinkOptions, hubLink } from './hub-link.js';
export { HubLogger, type HubLoggerOptions } from './hub-logger.js';
export type { HubOptions } from './hub-options.js';
export type { GivenUpdate, Update } from './updates/update.js';
