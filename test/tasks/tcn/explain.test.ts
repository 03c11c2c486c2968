import t from 'tap';
import { SidecarError, type ValidationItem } from '../../../src/core/errors.ts';
import { type Door, ENCODE_DOOR, INFER_DOOR } from '../../../src/tasks/tcn/door.ts';
import { explain } from '../../../src/tasks/tcn/explain.ts';
import { NO_RANGES, RANGES } from '../../../src/tasks/tcn/schema.ts';
import { parseWindow } from '../../../src/tasks/tcn/window.ts';
import { restRows, toBytes, withLiteral } from './bodies.ts';

/** The refusal's item, its code where it has none, or the number of samples of an accepted window. */
function judge(body: string | Uint8Array, door: Door = INFER_DOOR, limits = RANGES): ValidationItem | string | number {
  try {
    return explain(typeof body === 'string' ? toBytes(body) : body, door, limits).length;
  } catch (thrown) {
    if (!(thrown instanceof SidecarError)) throw thrown;
    return thrown.items?.[0] ?? thrown.code;
  }
}

const json = (x: unknown) => JSON.stringify({ x });
const rest = restRows();
const VALUE_ERROR = 'value_error';
const NUMBER = 'Input should be a valid number';
const LIST = 'Input should be a valid list';
const OBJECT = 'Input should be a valid dictionary or object to extract fields from';

const table: readonly [
  what: string,
  body: string,
  type: string,
  loc: (string | number)[],
  msg: string,
  input?: unknown,
][] = [
  ['empty body', '', 'missing', ['body'], 'Field required'],
  ['only a byte order mark', '\ufeff', 'missing', ['body'], 'Field required'],
  ['null', ' null ', 'missing', ['body'], 'Field required'],
  ['only spaces', '  ', 'json_invalid', ['body', 2], 'JSON decode error: unexpected end'],
  ['cut off', '{"x": [', 'json_invalid', ['body', 7], 'JSON decode error: unexpected end'],
  ['NaN', '{"x": NaN}', 'json_invalid', ['body', 6], 'JSON decode error: unexpected character N'],
  ['-Infinity', '{"x": -Infinity}', 'json_invalid', ['body', 7], 'JSON decode error: unexpected character I'],
  ['offsets are bytes', '{"äö": NaN}', 'json_invalid', ['body', 9], 'JSON decode error: unexpected character N'],
  ['offsets count the mark', '\ufeff[01]', 'json_invalid', ['body', 5], 'JSON decode error: unexpected character 1'],
  ['two marks', '\ufeff\ufeff{}', 'json_invalid', ['body', 3], 'JSON decode error: unexpected byte 0xef'],
  ['a line break in a string', '{"a\n', 'json_invalid', ['body', 3], 'JSON decode error: unexpected byte 0x0a'],
  [
    'more after the end',
    `${json(rest)}]`,
    'json_invalid',
    ['body', json(rest).length],
    'JSON decode error: unexpected character ]',
  ],
  ['a list', '[1]', 'model_attributes_type', ['body'], OBJECT],
  ['a string', '"x"', 'model_attributes_type', ['body'], OBJECT, 'x'],
  ['a long string is cut', `"${'a'.repeat(900)}"`, 'model_attributes_type', ['body'], OBJECT, `${'a'.repeat(64)}…`],
  ['no x', '{"y":1}', 'missing', ['body', 'x'], 'Field required'],
  ['x only inherited', '{"__proto__":{"x":[]}}', 'missing', ['body', 'x'], 'Field required'],
  ['x an object', '{"x":{}}', 'list_type', ['body', 'x'], LIST],
  ['x null', '{"x":null}', 'list_type', ['body', 'x'], LIST, null],
  ['no rows', '{"x":[]}', VALUE_ERROR, ['body', 'x'], 'Value error, Expected 100 timesteps, got 0'],
  ['99 rows', json(rest.slice(1)), VALUE_ERROR, ['body', 'x'], 'Value error, Expected 100 timesteps, got 99'],
  ['a flat list', json(rest.flat()), VALUE_ERROR, ['body', 'x'], 'Value error, Expected 100 timesteps, got 900'],
  [
    'a row of 8',
    json(rest.with(7, rest[7]!.slice(1))),
    VALUE_ERROR,
    ['body', 'x'],
    'Value error, Timestep 7 has 8 channels, expected 9',
  ],
  ['a row that is no list', json([...rest.slice(1), 5]), 'list_type', ['body', 'x', 99], LIST, 5],
  ['a numeric string', withLiteral('"1.0"'), 'float_type', ['body', 'x', 3, 4], NUMBER, '1.0'],
  ['true', withLiteral('true'), 'float_type', ['body', 'x', 3, 4], NUMBER, true],
  ['null for a number', withLiteral('null'), 'float_type', ['body', 'x', 3, 4], NUMBER, null],
  ['a list for a number', withLiteral('[1]'), 'float_type', ['body', 'x', 3, 4], NUMBER],
  ['1e400', withLiteral('1e400'), VALUE_ERROR, ['body', 'x', 3, 4], 'Value error, Number does not fit a 32-bit float'],
  [
    '-1e39',
    withLiteral('-1e39'),
    VALUE_ERROR,
    ['body', 'x', 3, 4],
    'Value error, Number does not fit a 32-bit float',
    -1e39,
  ],
  [
    'acceleration',
    withLiteral('-500.1', 0, 0),
    VALUE_ERROR,
    ['body', 'x'],
    'Value error, Accelerometer value out of range: -500.1',
    -500.1,
  ],
  [
    'turn rate',
    withLiteral('35.5'),
    VALUE_ERROR,
    ['body', 'x'],
    'Value error, Gyroscope value out of range: 35.5',
    35.5,
  ],
  [
    'a hair above, lost in float32',
    withLiteral('35.0000001'),
    VALUE_ERROR,
    ['body', 'x'],
    'Value error, Gyroscope value out of range: 35.0000001',
    35.0000001,
  ],
  [
    'field',
    withLiteral('2001', 99, 8),
    VALUE_ERROR,
    ['body', 'x'],
    'Value error, Magnetometer value out of range: 2001',
    2001,
  ],
];

t.test('each fault gets the type, place and words of the contract', async (t) => {
  for (const [what, body, type, loc, msg, input] of table) {
    t.strictSame(judge(body), { type, loc, msg, ...(input === undefined ? {} : { input }) }, what);
    t.equal(parseWindow(toBytes(body), INFER_DOOR, RANGES), null, `${what}: the one-pass parser leaves it alone`);
  }
});

t.test('a body that is not UTF-8 is refused as such, wherever the fault is', async (t) => {
  t.equal(judge(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), 'INVALID_UTF8');
  t.equal(judge(Uint8Array.of(0xc0, 0xaf)), 'INVALID_UTF8');
});

t.test('what is unusual but right is accepted', async (t) => {
  const window = JSON.stringify(rest);
  const bodies = [
    `\ufeff${json(rest)}`,
    `{"other":{"deep":[1,{}]},"x":${window},"later":null}`,
    `{"x":1,"x":${window}}`,
    `{"\\u0078":${window}}`,
    `{"__proto__":{"x":1},"constructor":2,"x":${window}}`,
    `{"😀":"\\ud800","x":${window}}`,
  ];
  t.same(
    bodies.map((body) => judge(body)),
    bodies.map(() => 900),
  );
});

t.test('the limits themselves are in range, and without the check anything that float32 holds', async (t) => {
  const edge = rest.map((row) => row.map((_, i) => (i < 3 ? 500 : i < 6 ? -35 : 2000)));
  t.equal(judge(json(edge)), 900);
  t.equal(judge(withLiteral('3.4e38'), INFER_DOOR, NO_RANGES), 900);
  t.match(judge(withLiteral('3.5e38'), INFER_DOOR, NO_RANGES), { type: VALUE_ERROR });
});

t.test('/encode: imu_window or x; imu_window wins; imu_data is told the right name', async (t) => {
  const at = (body: unknown) => judge(JSON.stringify(body), ENCODE_DOOR);
  t.equal(at({ imu_window: rest }), 900);
  t.equal(at({ x: rest }), 900);
  t.equal(at({ x: 'nonsense', imu_window: rest }), 900);
  t.match(at({ x: rest, imu_window: 5 }), { type: 'list_type', loc: ['body', 'imu_window'] });
  t.match(at({ x: rest.slice(1) }), { type: VALUE_ERROR, loc: ['body', 'x'] });
  t.strictSame(at({}), { type: 'missing', loc: ['body', 'imu_window'], msg: 'Field required' });
  t.match(at({ imu_data: rest }), {
    type: 'missing',
    loc: ['body', 'imu_window'],
    msg: /"imu_window", not as "imu_data"/,
  });
  t.equal(parseWindow(toBytes(withLiteral('1', 0, 0, 'imu_window')), ENCODE_DOOR, RANGES)?.length, 900);
  t.equal(parseWindow(toBytes(withLiteral('1')), ENCODE_DOOR, RANGES)?.length, 900);
});

t.test('a megabyte of brackets ends in one clear refusal, without a deep stack', async (t) => {
  const tooDeep = { type: 'json_invalid', msg: 'JSON decode error: nested deeper than 1000 levels' };
  t.match(judge('['.repeat(1_000_000)), { ...tooDeep, loc: ['body', 1000] });
  t.match(judge(`{"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`), tooDeep);
  t.match(judge('{"a":'.repeat(200_000)), tooDeep);
  t.equal(judge(`{"a":${'['.repeat(999)}${']'.repeat(999)},"x":${JSON.stringify(rest)}}`), 900);
});

t.test('a body larger than the work buffer goes the exact way', async (t) => {
  const padded = toBytes(`${' '.repeat(1_100_000)}${json(rest)}`);
  t.equal(parseWindow(padded, INFER_DOOR, RANGES), null);
  t.equal(judge(padded), 900);
});
