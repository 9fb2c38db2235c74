import { EventSourceHandler } from '../../handler/event-source-handler.js';
import type { ConsoleFeed, Viewer } from './console-feed.js';
import type { Access, ConsoleGuard } from './console-guard.js';

export interface StateHandlerOptions {
  readonly guard: ConsoleGuard;
  readonly feed: ConsoleFeed;
}

/** Streams what a hub does: first `history`, the last ten minutes, then `state` each second. */
export class StateHandler extends EventSourceHandler implements Viewer {
  access: Access = 'open';
  expiresAt: number | null = null;
  #guard!: ConsoleGuard;
  #feed!: ConsoleFeed;

  override initialize({ guard, feed }: StateHandlerOptions): void {
    this.#guard = guard;
    this.#feed = feed;
  }

  override async checkConnection(): Promise<void> {
    Object.assign(this, await this.#guard.admit(this));
    this.setHeader('Cache-Control', 'no-store');
  }

  override open(_params: object): void {
    this.#feed.add(this);
  }

  override close(): void {
    this.#feed.delete(this);
  }

  tell(event: 'history' | 'state', json: string): void {
    void this.writeMessage(event, json);
  }
}
