import fc from 'fast-check';
import { mutations } from '../../tasks/tcn/bodies.ts';

/** What happens to JSON when a client's encoder is wrong, or its owner hostile. */
export type Change = (body: Uint8Array) => Uint8Array;

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]|[a-zA-Z]+|\s+|./gsu;

/** What is put where a token was: other types, numbers that are none, that overflow or never end, half a string. */
const intruders = fc.oneof(
  fc.constantFrom('NaN', 'Infinity', '-Infinity', 'nan', 'undefined', 'null', 'true', 'false', 'None'),
  fc.constantFrom('1e400', '-1e400', '1e39', '3.4028235677973366e38', '36', '-36', '501', '2001', '1e-400', '-0'),
  fc.constantFrom('0x10', '01', '1.', '.5', '-', '+1', '1e', '1_000', '1,5', '9'.repeat(400), `0.${'3'.repeat(400)}`),
  fc.constantFrom(
    '"1"',
    '""',
    '"x"',
    '"windows"',
    '"__proto__"',
    '"\\ud800"',
    '"\\u0000"',
    '"\\x"',
    '"',
    `"${'a'.repeat(5000)}"`,
  ),
  fc.constantFrom('{', '}', '[', ']', ',', ':', '{}', '[]', '[[]]', '{"x":[]}', '/* */', '//', "'x'", '\u2028'),
  fc.constantFrom('['.repeat(500), '['.repeat(5000), '{"a":'.repeat(2000), `${'['.repeat(1500)}${']'.repeat(1500)}`),
);

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

/** One or two accidents with whole tokens: swapped, doubled, lost, replaced. */
const tokenChanges: fc.Arbitrary<Change> = fc
  .array(
    fc.record({
      kind: fc.constantFrom('replace', 'replace', 'insert', 'remove', 'double', 'swap'),
      at: place,
      other: place,
      intruder: intruders,
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((steps) => (body) => {
    const tokens: string[] = Buffer.from(body).toString().match(TOKEN) ?? [];
    for (const step of steps) changeTokens(tokens, step);
    return Buffer.from(tokens.join(''));
  });

function changeTokens(
  tokens: string[],
  { kind, at, other, intruder }: { kind: string; at: number; other: number; intruder: string },
): void {
  const [i, j] = [Math.floor(at * tokens.length), Math.floor(other * tokens.length)];
  const token = tokens[i] ?? '';
  if (kind === 'insert') tokens.splice(i, 0, intruder);
  else if (kind === 'remove') tokens.splice(i, 1);
  else if (kind === 'double') tokens.splice(i, 0, token);
  else if (kind === 'swap' && tokens.length > 0) [tokens[i], tokens[j]] = [tokens[j]!, token];
  else tokens[i] = intruder;
}

const put =
  (piece: Uint8Array, at: number): Change =>
  (body) => {
    const i = Math.floor(at * (body.length + 1));
    return Buffer.concat([body.subarray(0, i), piece, body.subarray(i)]);
  };

/** Byte order marks, surrogates in UTF-8, halves of characters, overlong forms. */
const badBytes = fc.constantFrom(
  'efbbbf',
  'efbbbfefbbbf',
  'eda080',
  'c3',
  'ff',
  'c080',
  'f8888080',
  'feff',
  '00',
  'e28080',
);

const byteChanges: fc.Arbitrary<Change> = fc.oneof(
  mutations,
  fc.tuple(badBytes, fc.oneof(fc.constant(0), place)).map(([hex, at]) => put(Buffer.from(hex, 'hex'), at)),
  place.map((at) => (body: Uint8Array) => body.subarray(0, Math.floor(at * body.length))),
  fc.constant((body: Uint8Array) => Buffer.concat([body, body])),
);

const afterBrace =
  (text: string): Change =>
  (body) =>
    Buffer.concat([body.subarray(0, 1), Buffer.from(text), body.subarray(1)]);
const beforeBrace =
  (text: string): Change =>
  (body) =>
    Buffer.concat([body.subarray(0, -1), Buffer.from(text), body.subarray(-1)]);

/** Keys there twice, a hundred thousand keys, a megabyte of text beside the window. */
const keyChanges: fc.Arbitrary<Change> = fc.oneof(
  fc
    .tuple(fc.constantFrom('x', 'imu_window', 'windows', 'inputs', 'id', '__proto__', 'constructor'), intruders)
    .chain(([key, value]) => fc.constantFrom(afterBrace(`"${key}":${value},`), beforeBrace(`,"${key}":${value}`))),
  fc.constantFrom(
    afterBrace(Array.from({ length: 60_000 }, (_, i) => `"k${i}":0,`).join('')),
    beforeBrace(`,"text":"${'a'.repeat(900_000)}"`),
    beforeBrace(`,"deep":${'['.repeat(999)}${']'.repeat(999)}`),
    beforeBrace(`,"deep":${'['.repeat(1000)}${']'.repeat(1000)}`),
  ),
);

export const jsonChanges: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: tokenChanges },
  { weight: 4, arbitrary: byteChanges },
  { weight: 2, arbitrary: keyChanges },
  { weight: 2, arbitrary: fc.constant((body: Uint8Array) => body) },
);
