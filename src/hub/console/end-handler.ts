import { RequestHandler } from '../../handler/request-handler.js';
import type { RequestRouter } from '../../routing/request-router.js';
import type { ConsoleGuard } from './console-guard.js';

export interface EndHandlerOptions {
  readonly guard: ConsoleGuard;
  readonly router: Pick<RequestRouter, 'openConnections'>;
}

/** Ends an open stream of this process, by its number: 204; 404 when there is none. A client comes back unless it was told not to. */
export class EndHandler extends RequestHandler {
  #guard!: ConsoleGuard;
  #router!: EndHandlerOptions['router'];

  override initialize({ guard, router }: EndHandlerOptions): void {
    this.#guard = guard;
    this.#router = router;
  }

  override async post({ id }: { id: string }): Promise<void> {
    await this.#guard.admit(this);
    for (const connection of this.#router.openConnections()) {
      if (`${connection.id}` !== id || !connection.isOpen) continue;
      connection.end();
      this.setStatus(204);
      return;
    }
    this.error(404, 'no such connection here');
  }
}
