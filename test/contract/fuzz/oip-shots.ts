import fc from 'fast-check';
import { restWindow } from '../../fakes/daemon.ts';
import { type Headers, toRequest } from '../../fakes/raw-client.ts';
import type { Gun } from './gun.ts';
import { type Change, jsonChanges } from './json-mutations.ts';
import { floatsOf } from './oracle.ts';
import { Shot } from './shot.ts';
import { OCTETS } from './window-shots.ts';

/** Requests of the Open Inference Protocol, right ones taken apart: shapes, types, lists of a million, sizes that lie. */
const LENGTH = 'inference-header-content-length';
const JSON_TYPE: Headers = [['content-type', 'application/json']];
const numbers = restWindow().flat();
const octets = Buffer.from(Float32Array.from(numbers).buffer);

export interface OipDoor {
  readonly shots: fc.Arbitrary<Shot>;
  /** Requests other than inferences. */
  readonly requests: fc.Arbitrary<{ readonly shot: Shot; readonly bytes: Buffer }>;
  /** A right request, then pieces of it: what the daemon remembers of the one must not make the others right. */
  readonly pieces: readonly Shot[];
  /** The same window in JSON and in binary, as values by output; and as /infer has them. */
  values(gun: Gun): Promise<unknown>;
  expected(gun: Gun): Promise<unknown>;
}

interface Names {
  readonly path: string;
  readonly input: string;
  readonly outputs: readonly string[];
}

/** null when this daemon does not speak the protocol. */
export async function oipDoor(gun: Gun): Promise<OipDoor | null> {
  const server = await gun.send(toRequest('GET', '/v2'));
  if (server.status === 404) return null;
  const health = JSON.parse((await gun.send(toRequest('GET', '/healthz'))).body.toString()) as { model: string };
  const path = `/v2/models/${health.model}`;
  const { inputs, outputs } = JSON.parse((await gun.send(toRequest('GET', path))).body.toString()) as {
    inputs: { name: string }[];
    outputs: { name: string }[];
  };
  const names = { path: `${path}/infer`, input: inputs[0]!.name, outputs: outputs.map(({ name }) => name) };
  return {
    shots: fc.oneof(structured(names), textual(names), binary(names), raw(names)),
    requests: otherRequests(path),
    pieces: piecesOf(names),
    values: (asking) => valuesOf(asking, names),
    expected: (asking) => expectedOf(asking, names),
  };
}

type Json = Record<string, unknown>;

function rightRequest({ input }: Names): Json {
  return { id: 'a', inputs: [{ name: input, datatype: 'FP32', shape: [1, 100, 9], data: numbers }] };
}

const huge = [2 ** 31, 2 ** 32 + 1, 2 ** 53, 1e308, -1, 0, 1.5, -0, 65, 64, 2];
const shapes = fc.oneof(
  fc.constantFrom<unknown>(
    [],
    null,
    {},
    '1,100,9',
    [100, 9],
    [1, 100, 9, 1],
    ['1', 100, 9],
    [[1], 100, 9],
    [1, 900],
    Array(200_000).fill(1),
    Array(64).fill(2 ** 31),
  ),
  ...huge.map((side) => fc.constant([side, 100, 9])),
  fc.array(fc.constantFrom(...huge, 100, 9, 1), { maxLength: 5 }),
);
const texts = fc.constantFrom<unknown>(
  '',
  'nope',
  null,
  5,
  [],
  {},
  true,
  '__proto__',
  'constructor',
  'a'.repeat(50_000),
  '\0',
  '\ud800',
);
const datatypes = fc.oneof(
  texts,
  fc.constantFrom('FP64', 'FP16', 'BYTES', 'fp32', 'INT8', 'BOOL', 'FP32 ', 'toString'),
);
const datas = fc.oneof(
  fc.constantFrom<unknown>(
    [],
    null,
    {},
    'AAAA',
    [null],
    ['NaN'],
    numbers.slice(1),
    [...numbers, 1],
    [restWindow()],
    restWindow(),
    [[restWindow()]],
    [restWindow().with(3, [])],
    [restWindow().with(3, [1, 2, 3, 4, 5, 6, 7, 8, '9' as never])],
    numbers.with(5, 1e39),
    numbers.with(5, 501),
    numbers.map(String),
    Array(300_000).fill(1),
  ),
);
const flags = fc.constantFrom<unknown>(true, false, null, 'true', 1, [], {});
const sizes = fc.constantFrom<unknown>(3600, 3599, 3601, 0, -4, 4, 1e15, 2 ** 53, '3600', null, 1.5, [], 7200);
const parameters = fc.oneof(
  texts,
  fc.record(
    { binary_data_output: flags, binary_data_size: sizes, normalized: flags, sequence_id: texts },
    { requiredKeys: [] },
  ),
);
const ids = fc.oneof(texts, fc.constantFrom<unknown>('a'.repeat(1_000_000), '"', '\n', 'x'.repeat(129), 1e300));

const changedInput = ({ input }: Names) =>
  fc
    .record({ name: texts, datatype: datatypes, shape: shapes, data: datas, parameters }, { requiredKeys: [] })
    .map((change): unknown => ({ name: input, datatype: 'FP32', shape: [1, 100, 9], data: numbers, ...change }));

const inputLists = (names: Names) =>
  fc.oneof(
    { weight: 5, arbitrary: changedInput(names).map((input): unknown => [input]) },
    { weight: 1, arbitrary: fc.array(changedInput(names), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown>(null, {}, 5, [], [5], [[]], Array(300_000).fill({}), Array(400_000).fill(0)),
    },
  );

const outputLists = ({ outputs }: Names) =>
  fc.oneof(
    fc.constantFrom<unknown>(
      null,
      {},
      5,
      [],
      [5],
      [null],
      [{}],
      Array(80_000).fill({ name: outputs[0] }),
      Array(300_000).fill({}),
    ),
    fc.array(
      fc.record(
        {
          name: fc.oneof(fc.constantFrom(...outputs), texts),
          parameters: fc.oneof(texts, fc.record({ binary_data: flags, classification: sizes })),
        },
        { requiredKeys: ['name'] },
      ),
      { maxLength: 4 },
    ),
  );

/** Changed as a structure, then as text now and then. */
const structured = (names: Names) =>
  fc
    .record(
      { id: ids, inputs: inputLists(names), outputs: outputLists(names), parameters, extra: texts },
      { requiredKeys: [] },
    )
    .map(
      (change) =>
        new Shot(names.path, '', JSON_TYPE, Buffer.from(JSON.stringify({ ...rightRequest(names), ...change }))),
    );

const textual = (names: Names) =>
  jsonChanges.map(
    (change) => new Shot(names.path, '', JSON_TYPE, change(Buffer.from(JSON.stringify(rightRequest(names))))),
  );

const headerLengths = (right: number) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(String(right)) },
    fc.integer({ min: -3, max: 3 }).map((off) => String(right + off)),
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1e2',
      '0x10',
      'abc',
      '9999999999',
      '99999999999999999999',
      String(right + 3600),
      '1, 2',
    ),
  );

/** JSON without its beginning, up to the first list, or without its end: what is left was right before. */
const beheaded: Change = (body) => body.subarray(Math.max(0, Buffer.from(body).indexOf('"inputs"')));
const endless: Change = (body) => body.subarray(0, -1);

/** JSON, then bytes; what the header, the parameters and the body say of each other's sizes need not be true. */
const binary = (names: Names) =>
  fc
    .record({
      size: sizes,
      shape: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom([1, 100, 9], [1, 100, 9], [2, 100, 9]) },
        { weight: 1, arbitrary: shapes },
      ),
      also: fc.constantFrom({}, {}, {}, { data: numbers }, { data: [] }),
      output: fc.option(flags, { freq: 2 }),
      bytes: fc.constantFrom(
        octets,
        octets,
        octets.subarray(1),
        Buffer.concat([octets, octets]),
        Buffer.alloc(0),
        Buffer.alloc(3600, 0xff),
      ),
      change: fc.oneof(
        { weight: 4, arbitrary: fc.constant((body: Uint8Array) => body) },
        { weight: 2, arbitrary: fc.constantFrom(beheaded, beheaded, endless) },
        { weight: 1, arbitrary: jsonChanges },
      ),
      id: fc.option(fc.constantFrom('a', 'b', '"', 'c\n'), { freq: 3, nil: undefined }),
      isTwice: fc.nat(5).map((n) => n === 0),
    })
    .chain(({ size, shape, also, output, bytes, change, id, isTwice }) => {
      const input = { name: names.input, datatype: 'FP32', shape, ...also, parameters: { binary_data_size: size } };
      const order = {
        id,
        inputs: isTwice ? [input, input] : [input],
        ...(output !== null && { parameters: { binary_data_output: output } }),
      };
      const json = change(Buffer.from(JSON.stringify(order)));
      return headerLengths(json.length).map(
        (length) =>
          new Shot(
            names.path,
            '',
            [
              ['content-type', OCTETS],
              [LENGTH, length],
            ],
            Buffer.concat([json, bytes]),
          ),
      );
    });

function piecesOf({ path, input }: Names): Shot[] {
  const inputs = [{ name: input, datatype: 'FP32', shape: [1, 100, 9], parameters: { binary_data_size: 3600 } }];
  const right = Buffer.from(JSON.stringify({ id: 'a', inputs }));
  const text = right.toString();
  const pieces = ['"inputs"', '[{', '"name"'].map((from) => text.slice(text.indexOf(from)));
  const others = [
    text.slice(0, -1),
    text.slice(1),
    text.replace('"a",', '"a"'),
    text.replace('{"id":"a",', '{"id":"b",,'),
  ];
  return [text, ...pieces, ...others, text].map((json) => {
    const headers: Headers = [
      ['content-type', OCTETS],
      [LENGTH, String(json.length)],
    ];
    return new Shot(path, '', headers, Buffer.concat([Buffer.from(json), octets]));
  });
}

/** No JSON at all: a header that says 0, and the body is the only input. */
const raw = (names: Names) =>
  fc
    .tuple(
      fc.constantFrom(0, 1, 3599, 3600, 3601, 7200, 64 * 3600, 65 * 3600),
      fc.constantFrom('0', '00', '-0', ' 0'),
      fc.nat(255),
    )
    .map(
      ([bytes, length, byte]) =>
        new Shot(
          names.path,
          '',
          [
            ['content-type', OCTETS],
            [LENGTH, length],
          ],
          Buffer.alloc(bytes, byte),
        ),
    );

const segment = fc.oneof(
  fc.constantFrom(
    '..',
    '%2e%2e',
    '%00',
    '%',
    '%ff',
    'a'.repeat(700), // four of them fit the 4 kB of a head
    '__proto__',
    'constructor',
    '1',
    'infer',
    'ready',
    '',
  ),
  fc.stringMatching(/^[!-"$->@-~]{1,12}$/),
);

const otherRequests = (path: string): OipDoor['requests'] =>
  fc
    .tuple(
      fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'DELETE'),
      fc.constantFrom('/v2', '/v2/health', '/v2/models', '/v2/repository', path, `${path}/versions`),
      fc.array(segment, { maxLength: 4 }),
    )
    .map(([method, base, segments]) => {
      const shot = new Shot([base, ...segments].join('/'), '', [], new Uint8Array(0));
      return { shot, bytes: toRequest(method, shot.path, [], method === 'GET' ? undefined : shot.body) };
    });

interface OipReply {
  readonly outputs: readonly {
    readonly name: string;
    readonly data: readonly number[];
    readonly parameters?: { binary_data_size: number };
  }[];
}

async function valuesOf(gun: Gun, names: Names): Promise<unknown> {
  const right = Buffer.from(JSON.stringify(rightRequest(names)));
  const json = JSON.parse((await gun.fire(new Shot(names.path, '', JSON_TYPE, right))).body.toString()) as OipReply;
  const input = { name: names.input, datatype: 'FP32', shape: [1, 100, 9], parameters: { binary_data_size: 3600 } };
  const order = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const headers: Headers = [
    ['content-type', OCTETS],
    [LENGTH, String(order.length)],
  ];
  const reply = await gun.fire(new Shot(names.path, '', headers, Buffer.concat([order, octets])));
  const jsonBytes = Number(reply.headers.get(LENGTH));
  const { outputs } = JSON.parse(reply.body.toString('utf8', 0, jsonBytes)) as OipReply;
  let at = jsonBytes;
  const fromBinary = outputs.map(({ name, parameters }) => {
    const from = at;
    at += parameters!.binary_data_size;
    return [name, [...floatsOf(reply.body.subarray(from, at))]];
  });
  const fromJson = json.outputs.map(({ name, data }) => [name, data.flat().map(Math.fround)]);
  return { fromJson, fromBinary };
}

async function expectedOf(gun: Gun, { outputs }: Names): Promise<unknown> {
  const headers: Headers = [
    ['content-type', OCTETS],
    ['accept', OCTETS],
  ];
  const values = [...floatsOf((await gun.fire(new Shot('/infer', '', headers, octets))).body)];
  const rows = [values.slice(0, 64), values.slice(64)];
  const named = outputs.map((name, i) => [name, rows[i]]);
  return { fromJson: named, fromBinary: named };
}
