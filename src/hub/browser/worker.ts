import type { Hub } from './hub.js';
import { Link } from './link.js';
import { hasLocks, holdMember, whenGone } from './member-lock.js';
import { randomName } from './messages.js';
import { type FromWorker, type ToWorker, WORKER_NAME } from './worker-membership.js';

/** What is used here of the scope of a shared worker. */
export interface WorkerScope {
  readonly name: string;
  onconnect: ((event: MessageEvent) => void) | null;
}

/** How often members are asked whether they live, where there are no locks to tell. */
const PING_MS = 20_000;
/** A page that is asleep in the background may answer late, and comes in again by its answer. */
const MOST_UNANSWERED = 3;

interface Seat {
  readonly port: MessagePort;
  unanswered: number;
}

/** Holds the connection for all pages that reach this worker. */
export function serveWorker(scope: WorkerScope): void {
  const hub = JSON.parse(scope.name.slice(WORKER_NAME.length)) as Hub;
  const seats = new Map<string, Seat>();
  const worker = randomName();
  const held = holdMember(worker);
  const link = new Link(hub, (message, member) => {
    for (const [name, { port }] of seats) {
      if (member !== undefined ? member !== name : message.kind === 'event' && !link.wants(name, message.channel))
        continue;
      post(port, message);
    }
  });
  const leave = (member: string) => {
    seats.delete(member);
    link.leave(member);
  };
  const want = (port: MessagePort, { member, channels, after }: ToWorker & { kind: 'want' }) => {
    if (!seats.has(member) && hasLocks) whenGone(member, new AbortController().signal, () => leave(member));
    seats.set(member, { port, unanswered: 0 });
    link.want(member, channels, after);
  };
  scope.onconnect = ({ ports: [port] }) => {
    if (port === undefined) return;
    port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
      if (data.kind === 'want') want(port, data);
      else leave(data.member);
    };
    void held.then(() => post(port, { kind: 'hello', worker }));
  };
  if (!hasLocks) {
    setInterval(() => {
      for (const [member, seat] of seats) {
        if (seat.unanswered++ === MOST_UNANSWERED) leave(member);
        else post(seat.port, { kind: 'ping' });
      }
    }, PING_MS);
  }
  link.start();
}

function post(port: MessagePort, message: FromWorker): void {
  port.postMessage(message);
}
