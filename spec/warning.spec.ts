import { once } from 'node:events';
import test from 'ava';
import { warn } from '../src/warning.js';

test.serial('warn: warns of the error itself', async (t) => {
  const isWarned = once(process, 'warning');
  const error = new RangeError('too much doge');
  warn(error);
  t.is((await isWarned)[0], error);
});

test.serial('warn: warns of an error that Node does not take for one, as under Jest', async (t) => {
  const { emitWarning } = process;
  t.teardown(() => {
    process.emitWarning = emitWarning;
  });
  // A mock: it would take a copy of the whole module in another realm, which AVA cannot load.
  process.emitWarning = (warning: string | Error, name?: unknown) => {
    if (warning instanceof Error) throw new TypeError('The "warning" argument must be an instance of Error');
    emitWarning(warning, name as string);
  };
  const isWarned = once(process, 'warning');
  warn(new RangeError('too much doge'));
  const [warning] = (await isWarned) as [Error];
  t.is(`${warning}`, 'RangeError: too much doge');
});
