/** Which version of another library is measured. */

import { readFileSync } from 'node:fs';

const PEERS = ['better-sse', 'express-sse', '@fastify/sse', 'fastify-sse-v2', 'hono'];

/** A name that begins with the package's, with the version behind that: `better-sse 0.16.1 broadcast`. Others stay. */
export function withVersion(name: string): string {
  const peer = PEERS.find((each) => name === each || name.startsWith(`${each} `));
  return peer === undefined ? name : `${peer} ${versionOf(peer)}${name.slice(peer.length)}`;
}

function versionOf(packageName: string): string {
  const file = new URL(`../../node_modules/${packageName}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}
