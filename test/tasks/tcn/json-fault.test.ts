import t from 'tap';
import { findJsonFault, MAX_DEPTH } from '../../../src/tasks/tcn/json-fault.ts';
import { toBytes } from './bodies.ts';

const offsetOf = (text: string) => findJsonFault(toBytes(text), 0)?.offset ?? null;

t.test('the offset is that of the first byte which no JSON could have there', async (t) => {
  const cases: readonly [body: string, offset: number][] = [
    ['', 0],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['[1}', 2],
    ['{"a" 1}', 5],
    ['{"a":1,}', 7],
    ['{a:1}', 1],
    ['{,}', 1],
    ['[,1]', 1],
    ['1 1', 2],
    ['tru', 3],
    ['nulx', 3],
    ['undefined', 0],
    ['01', 1],
    ['-', 1],
    ['1.', 2],
    ['1.x', 2],
    ['1e', 2],
    ['1e+', 3],
    ['"a', 2],
    ['"\u001f"', 1],
    ['"\\x"', 2],
    ['"\\u00g0"', 5],
    ['"\\u123"', 6],
    ["'a'", 0],
    ['[]]', 2],
    ['\u00a0{}', 0],
  ];
  for (const [body, offset] of cases) {
    t.throws(() => JSON.parse(body), SyntaxError);
    t.equal(offsetOf(body), offset, JSON.stringify(body));
  }
});

t.test('JSON has no fault', async (t) => {
  const valid = [
    'null',
    ' true ',
    '-0.5e+10',
    '"\\u00e9\\n\u007f\u2028"',
    '[]',
    '{}',
    '[[],{}]',
    '{"a":[1,{"b":""}],"a":0}',
  ];
  t.same(
    valid.map(offsetOf),
    valid.map(() => null),
  );
});

t.test('the deepest nesting that is read, and one more', async (t) => {
  const nest = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  t.equal(offsetOf(nest(MAX_DEPTH)), null);
  t.strictSame(findJsonFault(toBytes(nest(MAX_DEPTH + 1)), 0), {
    offset: MAX_DEPTH,
    reason: `nested deeper than ${MAX_DEPTH} levels`,
  });
});
