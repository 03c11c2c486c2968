import fc from 'fast-check';
import { CHANNELS, ROWS } from '../../../src/tasks/tcn/schema.ts';

/** Bodies for tests of both paths: windows of number literals, in many layouts, valid and broken. */
export const restRows = (): number[][] => Array.from({ length: ROWS }, () => [0, 0, 9.81, 0, 0, 0, 22, 0, -42]);

export const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** `{"x":[[…]]}` with one literal put in the place [row, channel]. */
export function withLiteral(literal: string, row = 3, channel = 4, key = 'x'): string {
  const rows = restRows().map((values) => values.map(String));
  rows[row]![channel] = literal;
  return `{"${key}":[${rows.map((values) => `[${values.join(',')}]`).join(',')}]}`;
}

const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`));
const whole = fc.oneof(
  fc.constant('0'),
  fc.stringMatching(/^[1-9][0-9]{0,3}$/),
  fc.stringMatching(/^[1-9][0-9]{5,25}$/),
);
const exponent = fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), digits(2)).map((p) => p.join(''));

/** Number literals of every form that JSON has: short, long, with exponents, at the edges of float32. */
export const literals: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -30_000, max: 30_000 }).map((n) => String(n / 1000)) },
  { weight: 3, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }).map(toShortest) },
  { weight: 3, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true, min: -600, max: 600 }).map(toJson) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(toJson) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', '-'),
        whole,
        fc.option(
          digits(24).map((d) => `.${d}`),
          { nil: '' },
        ),
        fc.option(exponent, { nil: '' }),
      )
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: 2 ** -20, max: 500 }).map(toMidpoint) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '-0',
      '-0.0',
      '0e9',
      '0E-99',
      '500',
      '35',
      '2000',
      '-35',
      '16777217',
      '3.4028235677973366e38',
      '3.4028235677973365e38',
    ),
  },
);

/** Within every channel's range, so that whole windows of them are accepted. */
const tame = literals.filter((literal) => Math.abs(Number(literal)) < 35);

function toJson(value: number): string {
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

function toShortest(value: number): string {
  for (let precision = 1; precision < 9; precision++) {
    if (Math.fround(Number(value.toPrecision(precision))) === value)
      return toJson(Number(value.toPrecision(precision)));
  }
  return toJson(Number(value.toPrecision(9)));
}

/** All digits of a value halfway between two float32 neighbours, where rounding is hardest. */
function toMidpoint(value: number): string {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  const next = new Float32Array(Int32Array.of(bits[0]! + 1).buffer)[0]!;
  return ((value + next) / 2).toFixed(50).replace(/0+$/, '1').slice(0, 48);
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n', '\n      ', '          ');

/** A window of literals drawn from a few, laid out in one of many ways; the key, unknown keys and the mark vary too. */
export const bodies: fc.Arbitrary<string> = fc
  .record({
    pool: fc.oneof(
      fc.array(tame, { minLength: 1, maxLength: 40 }),
      fc.array(literals, { minLength: 1, maxLength: 12 }),
    ),
    stride: fc.integer({ min: 1, max: 37 }),
    spaces: fc.tuple(space, space, space, space, space, space),
    key: fc.constantFrom('x', 'x', 'x', 'x', 'x', '\\u0078', 'y'),
    before: fc.constantFrom('', '', '', '', '"a":[{"x":1}],', '"x":null,', '"__proto__":{"x":[]},'),
    after: fc.constantFrom('', '', '', '', ',"b":"]}"', ',"x":[]', ',"constructor":1'),
    mark: fc.constantFrom('', '', '', '\ufeff'),
    rows: fc.constantFrom(ROWS, ROWS, ROWS, ROWS, ROWS, ROWS - 1, ROWS + 1),
    channels: fc.constantFrom(CHANNELS, CHANNELS, CHANNELS, CHANNELS, CHANNELS, CHANNELS - 1, CHANNELS + 1),
  })
  .map(({ pool, stride, spaces, key, before, after, mark, rows, channels }) => {
    const [a, b, c, d, e, f] = spaces;
    const row = (i: number) =>
      Array.from({ length: channels }, (_, j) => pool[((i * channels + j) * stride) % pool.length]!).join(`${a},${b}`);
    const list = Array.from({ length: rows }, (_, i) => `[${c}${row(i)}${d}]`).join(`${b},${e}`);
    return `${mark}${f}{${a}${before}"${key}"${b}:${c}[${d}${list}${e}]${after}${f}}${a}`;
  });

/** A right window of literals drawn from a few, as a JSON list. */
export const windowText = fc
  .tuple(fc.array(tame, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 37 }), space)
  .map(([pool, stride, between]) => {
    const sample = (place: number) => pool[(place * stride) % pool.length]!;
    const row = (i: number) => Array.from({ length: CHANNELS }, (_, j) => sample(i * CHANNELS + j)).join(`,${between}`);
    return `[${Array.from({ length: ROWS }, (_, i) => `[${row(i)}]`).join(`${between},`)}]`;
  });

const noWindow = fc.oneof(
  fc.constantFrom('null', '5', '"x"', '{}', '[]', '[[]]', '[[1,2,3,4,5,6,7,8,9]]', '{"x":[]}'),
  windowText.map((text) => text.replace(/-?[0-9]+/, '36e9')),
  windowText.map((text) => text.slice(0, text.lastIndexOf(',[') < 0 ? 1 : text.lastIndexOf(',[')).concat(']')),
);

/** Batches of none to five windows, most of them right; the layout, the key and what stands around them vary. */
export const batchBodies: fc.Arbitrary<string> = fc
  .record({
    windows: fc.oneof(
      { weight: 3, arbitrary: fc.array(windowText, { minLength: 1, maxLength: 5 }) },
      {
        weight: 1,
        arbitrary: fc.array(fc.oneof({ weight: 3, arbitrary: windowText }, { weight: 2, arbitrary: noWindow }), {
          maxLength: 5,
        }),
      },
    ),
    spaces: fc.tuple(space, space, space, space),
    key: fc.constantFrom('windows', 'windows', 'windows', 'windows', 'windows', 'window\\u0073', 'x'),
    before: fc.constantFrom('', '', '', '', '"a":[{"windows":1}],', '"windows":[],', '"__proto__":{"windows":[]},'),
    after: fc.constantFrom('', '', '', '', ',"b":"]}"', ',"windows":null', ',"windows":[[]]'),
    mark: fc.constantFrom('', '', '', '\ufeff'),
  })
  .map(({ windows, spaces, key, before, after, mark }) => {
    const [a, b, c, d] = spaces;
    return `${mark}${a}{${before}"${key}"${b}:${c}[${d}${windows.join(`${a},${b}`)}${c}]${after}${d}}${a}`;
  });

/** What happens to bodies on the way: a byte changed, added, taken away, the end cut off. */
export const mutations: fc.Arbitrary<(body: Uint8Array) => Uint8Array> = fc
  .array(
    fc.record({
      kind: fc.constantFrom('replace', 'insert', 'remove', 'cut'),
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      byte: fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:.-+eE0123456789x \n\tnt\\')), fc.nat(255)),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((steps) => (body) => steps.reduce((bytes, step) => mutate(bytes, step), body));

function mutate(body: Uint8Array, step: { kind: string; at: number; byte: number }): Uint8Array {
  const at = Math.floor(step.at * body.length);
  const head = [...body.subarray(0, at)];
  if (step.kind === 'cut') return Uint8Array.from(head);
  const tail = body.subarray(step.kind === 'insert' ? at : at + 1);
  return Uint8Array.from([...head, ...(step.kind === 'remove' ? [] : [step.byte]), ...tail]);
}
