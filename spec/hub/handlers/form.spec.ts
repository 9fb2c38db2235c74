import test from 'ava';
import { formOf } from '../../../src/hub/handlers/form.js';
import { HttpError } from '../../../src/index.js';

test('formOf: reads fields, a replacement character as well, encoded or not', (t) => {
  t.deepEqual(
    [...formOf('a=%C3%A9+%ef%bf%bd\ufffd&a=%F0%9F%90%95&%EF%BF%BD=%&b')],
    [
      ['a', 'é \ufffd\ufffd'],
      ['a', '🐕'],
      ['\ufffd', '%'],
      ['b', ''],
    ],
  );
});

test('formOf: refuses what is not UTF-8 once it is decoded (Latin-1, a surrogate, a character that is cut off, in a name)', (t) => {
  for (const body of ['data=%E9', 'a=%EF%BF%BD&data=%FF', 'data=%ED%A0%80', 'data=%E2%82', '%E9=1', 'a=\ufffd%E9'])
    t.throws(() => formOf(body), { instanceOf: HttpError, message: /the form is not UTF-8/ }, body);
});
