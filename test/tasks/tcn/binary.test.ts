import fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/task.ts';
import { wantsBinary } from '../../../src/tasks/tcn/accept.ts';
import { encode, infer } from '../../../src/tasks/tcn/infer.ts';
import { call, latent, scene } from './fakes.ts';

const OCTETS = 'application/octet-stream';
const window = (change: (values: Float32Array) => void = () => {}) => {
  const values = Float32Array.from({ length: 900 }, (_, i) => Math.fround((i % 9) + i / 1000));
  change(values);
  return values;
};
const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer.slice(0));
const headers = (given: Record<string, string>): Partial<Call> => ({ header: (name) => given[name] ?? '' });
const binary = headers({ 'content-type': OCTETS });
const toRows = (values: Float32Array) => Array.from({ length: 100 }, (_, i) => [...values.subarray(i * 9, i * 9 + 9)]);

async function refusalOf(body: Uint8Array, more: Partial<Call> = {}): Promise<object> {
  try {
    return await infer(call(body, { ...binary, ...more }), scene().deps);
  } catch (thrown) {
    const { code, items } = thrown as { code: string; items: readonly object[] };
    return { code, ...items[0] };
  }
}

t.test('a binary window reaches the model as the same window in JSON does', async (t) => {
  const [json, octets] = [scene(), scene()];
  const values = window();
  await infer(call(JSON.stringify({ x: toRows(values) })), json.deps);
  await infer(call(bytesOf(values), binary), octets.deps);
  t.same(octets.runs[0]?.input, json.runs[0]?.input);
});

t.test('its type is written in any case, as all media types are', async (t) => {
  for (const type of ['Application/Octet-Stream', `${OCTETS}; charset=binary`, OCTETS.toUpperCase()]) {
    const { deps, runs } = scene();
    await infer(call(bytesOf(window()), headers({ 'content-type': type })), deps);
    t.equal(runs.length, 1, type);
  }
});

t.test('the body is free again once the handler has returned', async (t) => {
  for (const query of ['', 'normalized=true']) {
    const { deps, runs } = scene();
    const body = bytesOf(window());
    const answer = infer(call(body, { ...binary, query }), deps);
    body.fill(255);
    await answer;
    t.ok(runs[0]?.input.every(Number.isFinite), `nothing of it is used later, ${query}`);
  }
});

t.test('a body at an odd address is read as well', async (t) => {
  const { deps, runs } = scene();
  const shifted = new Uint8Array(3601);
  shifted.set(bytesOf(window()), 1);
  await infer(call(shifted.subarray(1), { ...binary, query: 'normalized=true' }), deps);
  t.same(runs[0]?.input, window());
});

t.test('the answer is float32 for whoever prefers it: latents, then scores', async (t) => {
  const { deps } = scene();
  const wanted = headers({ 'content-type': OCTETS, accept: OCTETS });
  const reply = await infer(call(bytesOf(window()), wanted), deps);
  t.equal(reply.contentType, OCTETS);
  t.same(
    reply.headers.find(([name]) => name === 'X-Tensors'),
    ['X-Tensors', 'latent:64, motif_scores:3'],
  );
  const values = new Float32Array(new Uint8Array(reply.body as Uint8Array).buffer);
  t.same(values, Float32Array.from([...latent(), 0.25, 0.5, 1]));
  const encoded = await encode(call(bytesOf(window()), wanted), deps);
  t.same(new Float32Array(new Uint8Array(encoded.body as Uint8Array).buffer), latent());
});

t.test('what is no window is refused by name', async (t) => {
  const cases: [Uint8Array, object][] = [
    [new Uint8Array(0), { code: 'INVALID_INPUT', type: 'missing', loc: ['body'] }],
    [new Uint8Array(3599), { type: 'value_error', loc: ['body'], msg: /Expected 3600 bytes .* got 3599/ }],
    [new Uint8Array(7200), { type: 'value_error', loc: ['body'], msg: /got 7200/ }],
    [bytesOf(window((x) => (x[13] = Number.NaN))), { loc: ['body', 1, 4], msg: /not finite/, input: 'NaN' }],
    [bytesOf(window((x) => (x[0] = Number.NEGATIVE_INFINITY))), { loc: ['body', 0, 0], msg: /not finite/ }],
    [bytesOf(window((x) => (x[3] = 36))), { loc: ['body'], msg: 'Value error, Gyroscope value out of range: 36' }],
  ];
  for (const [body, expected] of cases) t.match(await refusalOf(body), expected);
  t.match(await refusalOf(bytesOf(window((x) => (x[3] = 36))), { query: 'normalized=true' }), { status: 200 });
  t.match(
    await refusalOf(bytesOf(window((x) => (x[3] = Number.NaN))), { query: 'normalized=true' }),
    { msg: /not finite/ },
    'a normalised window must be of numbers, too',
  );
});

t.test('any bytes are a window or a refusal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 0, maxLength: 4000 }), async (body) => {
      const found = (await refusalOf(body)) as { status?: number; code?: string };
      return found.status === 200 || found.code === 'INVALID_INPUT';
    }),
  );
});

t.test('JSON is what nobody asked otherwise gets', async (t) => {
  const accepts: [string, boolean][] = [
    ['', false],
    ['*/*', false],
    ['application/json', false],
    [OCTETS, true],
    [`${OCTETS}, application/json`, true],
    [`application/json, ${OCTETS}`, false],
    [OCTETS.toUpperCase(), true],
    [`application/json, ${OCTETS};q=0.5`, false],
    [`application/json;q=0.5, ${OCTETS.toUpperCase()}`, true],
    [`application/json;q=0.5, ${OCTETS}`, true],
    [`${OCTETS};q=0`, false],
    [`${OCTETS};q=x`, false],
  ];
  for (const [accept, expected] of accepts) t.equal(wantsBinary(accept), expected, accept);
});

t.test('what looks wrong is said in a header and told on, at every way in, and nothing is corrected', async (t) => {
  const AT_REST = [0, 0, 1, 19, 0, 0, 22, 0, -42];
  const still = (values: Float32Array) => {
    for (let i = 0; i < 900; i++) values[i] = AT_REST[i % 9]! + Math.sin(i * 7) / 100;
  };
  const values = window(still);
  const both = 'gyro looks like deg/s, acceleration looks like g';
  const [json, octets, ready] = [scene(), scene(), scene()];
  const replies = [
    await infer(call(JSON.stringify({ x: toRows(values) })), json.deps),
    await infer(call(bytesOf(values), binary), octets.deps),
    await encode(call(bytesOf(values), binary), octets.deps),
  ];
  for (const reply of replies) {
    t.same(reply.headers.find(([name]) => name === 'X-Input-Warning')?.[1], both);
    t.same(
      reply.warnings?.map(({ code }) => code),
      ['gyro_deg_s', 'acc_g'],
    );
  }
  t.same(octets.runs[0]?.input, json.runs[0]?.input);
  const normalised = await infer(call(bytesOf(values), { ...binary, query: 'normalized=true' }), ready.deps);
  t.same(normalised.warnings, [], 'z-scores have no unit');
});

t.test('an input that somebody keeps is never used for another window', async (t) => {
  const { deps, runs } = scene();
  await infer(call(bytesOf(window()), { ...binary, query: '' }), deps);
  const kept = runs[0]?.input.slice();
  await infer(call(bytesOf(window((x) => x.fill(1))), binary), deps);
  await infer(call(JSON.stringify({ x: toRows(window((x) => x.fill(2))) })), deps);
  t.same(runs[0]?.input, kept);
});

t.test('an input that the runner gave back serves again, and its old values are gone', async (t) => {
  const { deps, runs } = scene({ isInputFree: true });
  for (const value of [1, 2]) await infer(call(bytesOf(window((x) => x.fill(value))), binary), deps);
  t.equal(runs[0]?.input, runs[1]?.input);
  const other = scene();
  await infer(call(bytesOf(window((x) => x.fill(2))), binary), other.deps);
  t.same(runs[1]?.input, other.runs[0]?.input);
});
