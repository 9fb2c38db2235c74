/** Tradewind: class-based Server-Sent Events for Node.js. */

export type {
  BoundedBroker,
  Broker,
  EngineBroker,
  Gap,
  LocatingBroker,
  PatternBroker,
  Resumed,
  SignalBroker,
  Subscriber,
  Subscription,
} from './channel/broker.js';
export { MemoryBroker, type MemoryBrokerOptions } from './channel/memory-broker.js';
export type { Clock, Timer } from './clock.js';
export type { CloseReason } from './connection/close-reason.js';
export type { ConnectionOptions, SlowConsumerPolicy } from './connection/connection-options.js';
export type { HttpRequest, HttpResponse } from './connection/http.js';
export type { OpenConnection } from './connection/open-connection.js';
export {
  BrokerError,
  ConfigurationError,
  EventStreamError,
  HttpError,
  type HttpErrorOptions,
  InvalidEventError,
  RouteError,
  TradewindError,
} from './errors.js';
export { encodeComment, encodeEvent } from './event-stream/encode.js';
export type { EventFields, EventMap, EventOptions } from './event-stream/event.js';
export { Frame } from './event-stream/frame.js';
export type { CorsOptions, CorsOrigins } from './handler/cors.js';
export { EventSourceHandler } from './handler/event-source-handler.js';
export { type Method, type PathParams, RequestHandler } from './handler/request-handler.js';
export { StoreHandler, type StoreHandlerOptions, type StoreSource } from './handler/store-handler.js';
export type { HeldChannels } from './handler/stream-channels.js';
export { type Logger, type RequestLine, type RequestLogger, silentLogger } from './logger.js';
export type { HandlerClass } from './routing/handler-class.js';
export type { Compression, Limits, MountOptions, TrustProxy } from './routing/options.js';
export type { ParamsOf } from './routing/path.js';
export type { RouterOptions } from './routing/request-router.js';
export type { RouterStatistics } from './routing/router-statistics.js';
export { Router } from './server/router.js';
export type { ListenOptions, Server } from './server/server.js';
export { DataStore } from './store/data-store.js';
export { type OverflowPolicy, QueueStore, type QueueStoreOptions } from './store/queue-store.js';
export type { Store } from './store/store.js';
