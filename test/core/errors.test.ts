import { readFileSync } from 'node:fs';
import t from 'tap';
import { ERRORS, messageOf, SidecarError, toSidecarError } from '../../src/core/errors.ts';

t.test('the table and its documentation say the same, both ways', async (t) => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const documented = readme.split('\n').filter((line) => /^\| `[A-Z0-9_]+` \|/.test(line));
  const rows = Object.entries(ERRORS).map(
    ([code, { http, exit, retryable, meaning }]) =>
      `| \`${code}\` | ${http} | ${exit} | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  );
  t.same(documented, rows);
});

t.test('only a 503 or a 429 may be worth a retry', async (t) => {
  t.same(
    Object.entries(ERRORS).filter(([, { http, retryable }]) => retryable && http !== 503 && http !== 429),
    [],
  );
});

t.test('an unknown fault becomes INTERNAL and shows nothing of itself', async (t) => {
  const error = toSidecarError(new TypeError('secret path'));
  t.match(error, { code: 'INTERNAL', message: /log has the cause/ });
  t.notMatch(error.message, /secret/);
  t.match(error.cause, { message: 'secret path' });
});

t.test('a known error passes unchanged', async (t) => {
  const error = new SidecarError('QUEUE_FULL', 'full', { retryAfterMs: 5 });
  t.equal(toSidecarError(error), error);
  t.match(error, { rule: { http: 503, exit: 75 }, retryAfterMs: 5 });
});

t.test('anything that was thrown has a sentence', async (t) => {
  t.same([messageOf(new Error('a')), messageOf('b'), messageOf(3)], ['a', 'b', '3']);
});
