/** Tools for the specs of handlers, for any test runner. */

export type { ParsedEvent } from '../event-stream/event.js';
export { FakeClock } from './fake-clock.js';
export { type ConnectOptions, connect, type ReceivedEvent, type TestClient } from './test-client.js';
