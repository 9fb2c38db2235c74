import type { Clock } from '../clock.js';
import type { HttpRequest, HttpResponse } from '../connection/http.js';
import type { RequestLogger } from '../logger.js';

/**
 * Tells the logger of a request when its response is over. Until then it holds neither: a lean stream lets go of both, and has
 * its listeners called by the socket.
 */
export function followRequest(
  logger: RequestLogger,
  clock: Clock,
  { method = '', url = '' }: HttpRequest,
  response: HttpResponse,
  remoteAddress: string,
): void {
  const startedAt = clock.now();
  const [path = ''] = url.split(/[?#]/, 1);
  response.on('close', function (this: { headersSent?: boolean; statusCode?: number }) {
    const isAnswered = this.headersSent ?? true;
    const status = isAnswered ? (this.statusCode ?? 200) : 0;
    logger.request({ method, path, status, ms: Math.round(clock.now() - startedAt), remoteAddress });
  });
}
