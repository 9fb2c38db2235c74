/** Tools for the specs of handlers, for any test runner. */

export type { Clock, Timer } from '../clock.js';
export type { ParsedEvent } from '../event-stream/event.js';
export { type BrokerContractCase, type BrokerSource, brokerContract } from './contract/broker-contract.js';
export { FakeClock } from './fake-clock.js';
export type { EventMatch, ReceivedChunk, ReceivedComment, ReceivedEvent } from './received.js';
export { type ConnectOptions, connect, type TestClient } from './test-client.js';
export type { TestRequestOptions } from './test-connection.js';
export type { TestTarget } from './test-target.js';
