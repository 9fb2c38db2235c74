/** A response's body as it was before it was compressed, flush by flush. */

import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { BODY_DECODERS } from '../body-decoders.js';

/** @param onFault - called when what came is not what `Content-Encoding` says it is. */
export function decodedBody(response: IncomingMessage, onFault: (fault: string) => void): Readable {
  const coding = (response.headers['content-encoding'] ?? '').trim().toLowerCase();
  if (!Object.hasOwn(BODY_DECODERS, coding)) return response;
  const decoder = BODY_DECODERS[coding]!();
  // Before the pipeline, which hands a fault of the decoder to the response as well.
  decoder.once('error', ({ message }) => {
    if (response.errored === null) onFault(`${coding}: ${message}`);
  });
  return pipeline(response, decoder, () => {});
}
