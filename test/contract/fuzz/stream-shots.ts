import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { frame as wireFrame } from '../../http/sockets.ts';
import { frame, rows } from '../../tasks/tcn/stream/connection.ts';
import { type Change, jsonChanges } from './json-mutations.ts';

const { concat } = Buffer;
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const often = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, weight = 5) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd });
/** Most of what is said is right, so that there is something to go wrong in the end. */
const changes = often<Change | null>(fc.constant(null), jsonChanges, 12);

/** What is written at a time, and whether the next byte still is the beginning of a frame for whoever reads. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly isWhole: boolean;
}
/** Where a conversation is. */
interface Course {
  seq: number;
}
type Step = (course: Course) => readonly Piece[];
const whole = (bytes: Uint8Array): Piece => ({ bytes, isWhole: true });
/** The library cuts off a text that is none, and what is longer than the longest message and this, without a word. */
const CUT_BYTES = 128 << 10;
const isMessage = (payload: Uint8Array, opcode: number) =>
  payload.length <= CUT_BYTES && (opcode !== 1 || isUtf8(payload));
const broken = (bytes: Uint8Array): Piece => ({ bytes, isWhole: false });

type Shape = NonNullable<Parameters<typeof wireFrame>[1]>;
type Wire = (payload: Uint8Array, opcode: number) => readonly Piece[];

/** How a message comes over the wire, when all is well. */
const rightWires: fc.Arbitrary<Wire> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Wire>((payload, opcode) => [whole(wireFrame(payload, { opcode }))]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(place, { maxLength: 6 }), fc.boolean())
      .map<Wire>(([cuts, isPinged]) => (payload, opcode) => {
        const ends = [...cuts.map((cut) => Math.floor(cut * payload.length)).sort((a, b) => a - b), payload.length];
        const ping = isPinged ? wireFrame('between', { opcode: 9 }) : Buffer.alloc(0);
        const pieces = ends.map((end, i) =>
          wireFrame(payload.subarray(ends[i - 1] ?? 0, end), {
            opcode: i === 0 ? opcode : 0,
            isLast: i === ends.length - 1,
          }),
        );
        return [whole(concat(pieces.flatMap((piece) => [piece, ping])))];
      }),
  },
  {
    weight: 1,
    arbitrary: place.map<Wire>((cut) => (payload, opcode) => {
      const bytes = wireFrame(payload, { opcode });
      const at = Math.floor(cut * bytes.length);
      return [whole(bytes.subarray(0, at)), whole(bytes.subarray(at))];
    }),
  },
);

const wires = rightWires.map<Wire>((wire) => (payload, opcode) => {
  const pieces = wire(payload, opcode);
  return isMessage(payload, opcode) ? pieces : [broken(concat(pieces.map(({ bytes }) => bytes)))];
});

const shapes: fc.Arbitrary<Shape> = fc.oneof(
  fc.record({ reserved: fc.constantFrom(0x10, 0x20, 0x40, 0x70) }),
  fc.record({ opcode: fc.constantFrom(0, 3, 7, 11, 15) }),
  fc.constant({ isMasked: false }),
  fc.constant({ isLast: false }),
  fc.record({ length: fc.constantFrom(0, 1, 125, 126, 65535, 65536, 131_073, 2 ** 31, 2 ** 32 + 5, 2 ** 53 - 1) }),
);

/** How it comes when it is broken. */
const brokenWires: fc.Arbitrary<Wire> = fc.oneof(
  shapes.map<Wire>((shape) => (payload, opcode) => [broken(wireFrame(payload, { opcode, ...shape }))]),
  place.map<Wire>((cut) => (payload, opcode) => {
    const bytes = wireFrame(payload, { opcode });
    return [broken(bytes.subarray(0, Math.floor(cut * bytes.length)))];
  }),
  fc.tuple(place, fc.integer({ min: 0, max: 7 })).map<Wire>(([at, bit]) => (payload, opcode) => {
    const bytes = wireFrame(payload, { opcode });
    const i = Math.floor(at * Math.min(14, bytes.length));
    bytes[i] = bytes[i]! ^ (1 << bit);
    return [broken(bytes)];
  }),
);

const numbers = fc.oneof(
  fc.constantFrom(0, -1, 1, 5, 100, 2000, 1e9, 1e308, -1e308, 0.1, 4.999, 2000.001, 5e-324, 1e-7, 2 ** 32, 2 ** 53),
  fc.double(),
);
const oddities = fc.oneof(
  numbers,
  fc.constantFrom<unknown>(null, true, '', 'NaN', '100', [], {}, [[]], { a: { b: {} } }, 'x'.repeat(3000)),
);
const option = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined, freq: 2 });

/** A hello has many fields, and most of them should be right. */
const rarely = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) => often(usual, odd, 30);

const hellos = fc.record({
  type: fc.constant('hello'),
  rate_hz: rarely<unknown>(fc.constantFrom(100, 100, 50, 200, 52, 2000, 5), oddities),
  hop: rarely<unknown>(fc.constantFrom(25, 10, 100, 1000), oddities),
  name: option(fc.string({ unit: 'binary', maxLength: 64 })),
  outputs: option<unknown>(
    rarely<unknown>(fc.record({ latent: fc.boolean(), top_k: fc.integer({ min: 0, max: 64 }) }), oddities),
  ),
  gaps: option<unknown>(
    rarely<unknown>(
      fc.record({
        policy: fc.constantFrom('restart', 'hold', 'interpolate'),
        max_ms: fc.constantFrom(0, 100, 1000),
        reorder_ms: fc.constantFrom(0, 100, 1000),
      }),
      oddities,
    ),
  ),
  smoothing: option<unknown>(rarely<unknown>(fc.constant({ tau_ms: 500, hysteresis: 0.1, dwell_ms: 100 }), oddities)),
  units: option<unknown>(rarely<unknown>(fc.constantFrom({ acc: 'g', gyro: 'deg/s' }, { mag: 'G' }), oddities)),
  resume: option<unknown>(
    rarely<unknown>(fc.constantFrom({ token: 'x' }, { token: 'A'.repeat(64), last_window: -1 }), oddities),
  ),
});

const seqs = often(
  fc.constant<number | null>(null),
  fc.oneof(
    fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 5, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER, -1, 2 ** 53, 0.5),
    fc.integer({ min: 0, max: 5000 }),
  ),
);
const times = often(
  fc.constant<number | null | 'due'>('due'),
  fc.oneof(fc.constantFrom(null, Number.NaN, 1e308, -Infinity, Infinity, -5000, 2 ** 42), fc.double()),
);
const values = often<number | null>(
  fc.constant(null),
  fc.oneof(fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e30, -0, 3.4e38), fc.double()),
);

const samples: fc.Arbitrary<Step> = fc
  .record({
    count: often(fc.integer({ min: 1, max: 60 }), fc.constantFrom(1, 200, 500)),
    seq: seqs,
    time: times,
    value: values,
    width: often(fc.constant(9), fc.constantFrom(1, 8, 10, 64), 20),
    isJson: fc.boolean(),
    change: changes,
    flips: often(fc.constant<readonly number[]>([]), fc.array(place, { minLength: 1, maxLength: 3 }), 12),
    wire: wires,
  })
  .map<Step>(({ count, seq, time, value, width, isJson, change, flips, wire }) => (course) => {
    const at = seq ?? course.seq;
    if (seq === null) course.seq += count;
    const tMs = time === 'due' ? at * 10 : time;
    const part = rows(at % 1000, count).map((row) => Array.from({ length: width }, (_, i) => row[i % 9]!));
    if (value !== null) part[Math.floor(count / 2)]![0] = value;
    if (isJson) return wire(toJson({ type: 'samples', seq: at, t_ms: tMs, samples: part }, change), 1);
    const bytes = frame(Math.max(0, Math.trunc(at)), tMs, part);
    for (const flip of flips) bytes[Math.floor(flip * Math.min(40, bytes.length))]! ^= 1 << ((flip * 8e6) % 8);
    return wire(bytes, 2);
  });

function toJson(value: unknown, change: Change | null): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(value));
  return change === null ? bytes : change(bytes);
}

const saidHellos: fc.Arbitrary<Step> = fc.tuple(hellos, changes, wires).map(
  ([hello, change, wire]) =>
    () =>
      wire(toJson(hello, change), 1),
);

/** Texts that are no message. */
const texts: fc.Arbitrary<Step> = fc
  .tuple(
    fc.oneof(
      fc.json(),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', '{}', 'null', '[]', '{"type":"end"}', '{"type":"end","x":1}', '{"type":"__proto__"}'),
      fc.constantFrom('{"__proto__":{"type":"end"}}', '{"type":{"toString":1}}', `{"type":"${'x'.repeat(60_000)}"}`),
      fc.constantFrom(`{"type":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, '['.repeat(60_000)),
      fc.constantFrom(
        `{"type":"hello","rate_hz":100,"${'k'.repeat(60_000)}":1}`,
        `{"type":"samples","seq":0,"samples":[${'[],'.repeat(20_000)}[]]}`,
        `{"type":"samples","seq":0,"samples":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
        `{"type":"hello","rate_hz":100,"resume":{"token":${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}}}`,
        `{"type":"hello","rate_hz":100,"channels":[${'"-",'.repeat(15_000)}"-"]}`,
      ),
    ),
    wires,
  )
  .map(
    ([text, wire]) =>
      () =>
        wire(Buffer.from(text), 1),
  );

const controls: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({ opcode: fc.constantFrom(9, 10), length: fc.constantFrom(0, 4, 125), count: fc.constantFrom(1, 3, 500) })
    .map(({ opcode, length, count }) => () => [
      whole(concat(Array(count).fill(wireFrame('p'.repeat(length), { opcode })))),
    ]),
  fc
    .record({ opcode: fc.constantFrom(8, 9, 10), length: fc.constantFrom(126, 1000, 70_000) })
    .map(({ opcode, length }) => () => [broken(wireFrame('p'.repeat(length), { opcode }))]),
  fc
    .constantFrom([], [3], [3, 232], [3, 237], [0, 0], [3, 232, 0xff], [15, 161])
    .map((payload) => () => [broken(wireFrame(Buffer.from(payload), { opcode: 8 }))]),
);

const TEN_MEGABYTES = wireFrame('x'.repeat(10 << 20));
const brokenSteps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom(1, 2), brokenWires, fc.integer({ min: 1, max: 30 })).map<Step>(
    ([opcode, wire, count]) =>
      ({ seq }) =>
        wire(opcode === 1 ? Buffer.from('{"type":"end"}') : frame(seq, null, rows(seq % 1000, count)), opcode),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => () => [broken(bytes)]),
  fc.constant(() => [broken(TEN_MEGABYTES)]),
  fc.constant(() => [broken(Buffer.from('GET /stream HTTP/1.1\r\nhost: x\r\n\r\n'))]),
);

export interface Conversation {
  readonly pieces: readonly Piece[];
  /** How its client leaves, when it may stay. */
  readonly farewell: 'end' | 'close' | 'break' | 'return' | 'replace';
  /** What it says when it comes back. */
  readonly lastWindow: number;
  /** For the report. */
  [fc.toStringMethod]?(): string;
}

/** Hello, samples, and in between what should not be. */
export const conversations: fc.Arbitrary<Conversation> = fc
  .record({
    hello: often(saidHellos, fc.oneof(texts, samples, controls, brokenSteps), 12),
    steps: fc.array(
      fc.oneof(
        { weight: 30, arbitrary: samples },
        { weight: 1, arbitrary: texts },
        { weight: 3, arbitrary: controls },
        { weight: 1, arbitrary: brokenSteps },
        { weight: 1, arbitrary: saidHellos },
      ),
      { maxLength: 16, size: 'max' },
    ),
    start: often(fc.integer({ min: 0, max: 1000 }), fc.constantFrom(2 ** 32 - 30, 2 ** 33 - 100)),
    farewell: fc.constantFrom<Conversation['farewell']>('end', 'close', 'break', 'return', 'return', 'replace'),
    lastWindow: fc.constantFrom(-1, 0, 3, 1e6, Number.MAX_SAFE_INTEGER),
  })
  .map(({ hello, steps, start, farewell, lastWindow }) => {
    const course = { seq: start };
    const all = [hello, ...steps].flatMap((step) => step(course));
    const last = all.findIndex(({ isWhole }) => !isWhole);
    const pieces = last < 0 ? all : all.slice(0, last + 1);
    return {
      pieces,
      farewell,
      lastWindow,
      [fc.toStringMethod]: () => `\n${pieces.map(toLine).join('\n')}\nthen ${farewell} ${lastWindow}\n`,
    };
  });

function toLine({ bytes, isWhole }: Piece): string {
  const beginning = Buffer.from(bytes.subarray(0, 60)).toString('hex');
  return `${bytes.length} bytes, ${isWhole ? 'whole' : 'broken'}: ${beginning}`;
}

/** Headers of upgrades that are not as they should be. */
export const upgradeHeaders: fc.Arbitrary<Readonly<Record<string, string | null>>> = fc.dictionary(
  fc.constantFrom(
    'Upgrade',
    'Connection',
    'Sec-WebSocket-Version',
    'Sec-WebSocket-Key',
    'Sec-WebSocket-Protocol',
    'Sec-WebSocket-Extensions',
    'Content-Length',
    'Transfer-Encoding',
    'Origin',
    'X-Request-Id',
    'Host',
  ),
  fc.oneof(
    fc.constantFrom(null, '', '12', '0', '-1', 'chunked', 'websocket', 'h2c, websocket', 'WEBSOCKET', 'keep-alive'),
    fc.constantFrom(
      'tcn-stream.v1',
      'tcn-stream.v2',
      `${'tcn-stream.v1, '.repeat(200)}x`,
      'permessage-deflate',
      'null',
    ),
    fc.constantFrom(
      'A'.repeat(22),
      `${'A'.repeat(22)}==`,
      `${'!'.repeat(22)}==`,
      'base64url.bearer.',
      'x'.repeat(5000),
    ),
    fc.string({ maxLength: 30 }).map((text) => text.replace(/[\r\n\0]/g, ' ')),
  ),
  { minKeys: 1, maxKeys: 4 },
);
