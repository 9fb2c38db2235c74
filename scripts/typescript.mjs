// Lets Node run this repository's TypeScript without a build: node --import ./scripts/typescript.mjs file.ts
// Types are checked by `npm run typecheck`; here they are only stripped (ts-node's transpileOnly).
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
