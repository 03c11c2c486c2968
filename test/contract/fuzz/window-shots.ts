import fc from 'fast-check';
import { restWindow } from '../../fakes/daemon.ts';
import type { Headers } from '../../fakes/raw-client.ts';
import { batchBodies, bodies, windowText } from '../../tasks/tcn/bodies.ts';
import { jsonChanges } from './json-mutations.ts';
import { Shot } from './shot.ts';

/** Requests for the doors that take windows: right ones, changed ones, and headers around them that nobody meant. */
export const OCTETS = 'application/octet-stream';
export const WINDOW_BYTES = 3600;
export const SINGLE_PATHS = ['/infer', '/', '/infer/infer', '/infer/', '/encode'] as const;
export const BATCH_PATH = '/infer/batch';

const JSON_HEADERS: Headers = [['content-type', 'application/json']];
const OCTET_HEADERS: Headers = [['content-type', OCTETS]];

const singlePath = fc.constantFrom(...SINGLE_PATHS);
const query = fc.constantFrom('', '', '', '?normalized=true', '?normalized=0');

const toKeyOf = (path: string, text: string) => (path === '/encode' ? text.replace('"x"', '"imu_window"') : text);

export const singleShots: fc.Arbitrary<Shot> = fc
  .tuple(
    singlePath,
    query,
    fc.oneof(
      bodies,
      windowText.map((text) => `{"x":${text}}`),
    ),
    jsonChanges,
  )
  .map(([path, asked, text, change]) => new Shot(path, asked, JSON_HEADERS, change(Buffer.from(toKeyOf(path, text)))));

export const batchShots: fc.Arbitrary<Shot> = fc
  .tuple(query, batchBodies, jsonChanges)
  .map(([asked, text, change]) => new Shot(BATCH_PATH, asked, JSON_HEADERS, change(Buffer.from(text))));

const special = fc.constantFrom(Number.NaN, Infinity, -Infinity, 3.4e38, -3.4e38, 1e-45, -0, 500, 500.5, 35, -36, 2001);

/** Windows of float32 in which some samples are none, out of range, or random bits. */
const octets = (most: number) =>
  fc
    .record({
      windows: fc.integer({ min: 0, max: most }),
      values: fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 20 }),
      wrong: fc.array(fc.tuple(fc.nat(most * 900), special), { maxLength: 3 }),
      noise: fc.option(fc.uint8Array({ minLength: 64, maxLength: 64 }), { freq: 8 }),
      extra: fc.constantFrom(0, 0, 0, 0, 1, -1, 4, -4, 3599),
    })
    .map(({ windows, values, wrong, noise, extra }) => {
      const samples = Float32Array.from({ length: windows * 900 }, (_, i) => values[i % values.length]!);
      for (const [at, value] of wrong) if (at < samples.length) samples[at] = value;
      const bytes = Buffer.from(samples.buffer);
      for (const [i, byte] of noise?.entries() ?? []) if (bytes.length > 0) bytes[(i * 53) % bytes.length] = byte;
      return extra < 0
        ? bytes.subarray(0, Math.max(0, bytes.length + extra))
        : Buffer.concat([bytes, Buffer.alloc(extra)]);
    });

export const octetShots: fc.Arbitrary<Shot> = fc.oneof(
  fc.tuple(singlePath, query, octets(1)).map(([path, asked, body]) => new Shot(path, asked, OCTET_HEADERS, body)),
  fc.tuple(query, octets(5)).map(([asked, body]) => new Shot(BATCH_PATH, asked, OCTET_HEADERS, body)),
);

const noise = fc.stringMatching(/^[!-~\u0080-\u00ff][ -~\u0080-\u00ff]{0,40}[!-~]$/);
const long = fc.constantFrom(800, 127, 128, 129).map((length) => 'a'.repeat(length));
const MEDIA = [
  'application/json',
  OCTETS,
  'Application/Octet-Stream',
  `${OCTETS};q=0.5`,
  'image/png',
  'text/plain',
  '*/*',
];
const media = fc.oneof(
  fc.constantFrom(...MEDIA, 'application/', '/', ';', 'application/json; charset=utf-16', 'application/vnd.a+json', ''),
  fc
    .tuple(fc.constantFrom(...MEDIA), fc.constantFrom(',', ';q=', ';q=NaN,', ', '), fc.constantFrom(...MEDIA))
    .map((p) => p.join('')),
  noise,
);
const milliseconds = fc.oneof(
  fc.constantFrom(
    '1',
    '5',
    '5000',
    '0',
    '-1',
    '1.5',
    '1e3',
    '999999999',
    '9999999999',
    '١٢',
    '0x10',
    'NaN',
    ' ',
    '1, 2',
  ),
  noise,
);

/** The headers that a door reads, with what they should not hold. */
const strangeHeaders = fc
  .record({
    'content-type': media,
    accept: media,
    'content-encoding': fc.constantFrom('identity', 'gzip', 'br', '', 'gzip, identity'),
    'x-request-timeout-ms': milliseconds,
    'x-model': fc.oneof(fc.constantFrom('active', 'imu-motif-tcn@1', '@', '..', '../../etc', '__proto__'), noise, long),
    'x-request-id': fc.oneof(fc.constantFrom('ok', '"', '%0d%0aX-Evil: 1'), noise, long),
    'x-sticky-key': noise,
    origin: fc.oneof(fc.constant('http://example.org'), noise),
    expect: fc.constantFrom('100-continue', 'nothing'),
  })
  .chain((all) => fc.subarray(Object.entries(all), { maxLength: 3 }));

const strangeQuery = fc.oneof(
  query,
  fc.constantFrom(
    '?',
    '?normalized',
    '?normalized=',
    '?normalized=yes',
    '?normalized=TRUE&normalized=0',
    '?%00',
    '?%',
    '?=&&=',
  ),
  fc.constantFrom(`?normalized=${'1'.repeat(800)}`, '?normalized=%F0%9F', '?normalized[]=1', '?__proto__=1'),
  fc.stringMatching(/^\?[!-"$-~]{0,60}$/),
);

const rest = restWindow();
const oneOctets = Buffer.from(Float32Array.from(rest.flat()).buffer);
const RIGHT: readonly (readonly [path: string, headers: Headers, body: Uint8Array])[] = [
  ...SINGLE_PATHS.map((path) => [path, JSON_HEADERS, Buffer.from(JSON.stringify({ x: rest }))] as const),
  ...SINGLE_PATHS.map((path) => [path, OCTET_HEADERS, oneOctets] as const),
  [BATCH_PATH, JSON_HEADERS, Buffer.from(JSON.stringify({ windows: [rest, rest] }))],
  [BATCH_PATH, OCTET_HEADERS, Buffer.concat([oneOctets, oneOctets])],
];

/** Right bodies, at the wrong door now and then, in an envelope of nonsense. */
export const strangeShots: fc.Arbitrary<Shot> = fc
  .tuple(
    fc.constantFrom(...RIGHT),
    fc.option(fc.constantFrom(...SINGLE_PATHS, BATCH_PATH), { freq: 8 }),
    fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: strangeQuery }),
    strangeHeaders,
  )
  .map(([[path, usual, body], otherPath, asked, strange]) => {
    const kept = usual.filter(([name]) => !strange.some(([other]) => other === name));
    return new Shot(otherPath ?? path, asked, [...kept, ...strange], body);
  });
