import t from 'tap';
import { SidecarError } from '../../../src/core/errors.ts';
import type { Call, Reply } from '../../../src/core/task.ts';
import { inferBatch } from '../../../src/tasks/tcn/batch.ts';
import { call, latent, type SceneParts, scene } from './fakes.ts';

const OCTETS = 'application/octet-stream';
const rows = (value: number) => Array.from({ length: 100 }, () => Array.from({ length: 9 }, () => value));
const headers = (given: Record<string, string>): Partial<Call> => ({ header: (name) => given[name] ?? '' });
const toBytes = (windows: number[][][]) => new Uint8Array(Float32Array.from(windows.flat(2)).buffer);
const jsonOf = (reply: Reply) => JSON.parse(new TextDecoder().decode(reply.body as Uint8Array));
const ask = (windows: unknown, parts: SceneParts = {}, more: Partial<Call> = {}) =>
  inferBatch(call(JSON.stringify({ windows }), more), scene(parts).deps);
const headerOf = (reply: Reply, wanted: string) => reply.headers.find(([name]) => name === wanted)?.[1];

/** A model whose latent tells which window it was. */
const telling = (input: Float32Array) => ({
  latent_embeddings: latent().fill(input[0]!),
  motif_scores: Float32Array.of(0, 0.5, 1),
});
const firsts = (body: { results: { latent?: number[]; error?: { code: string } }[] }) =>
  body.results.map((result) => result.error?.code ?? result.latent![0]);

t.test('each window has its answer, in order', async (t) => {
  const reply = await ask([rows(1), rows(2), rows(3)], { outputs: telling }, { query: 'normalized=true' });
  const body = jsonOf(reply);
  t.match(reply, { status: 200, windows: { answered: 3, failed: [] }, inference: { model: 'test-tcn@v1' } });
  t.same([firsts(body), body.answered, body.failed], [[1, 2, 3], 3, 0]);
  t.same(body.results[0].motif_scores, [0, 0.5, 1]);
  t.equal(headerOf(reply, 'X-Batch-Failed'), undefined);
});

t.test('a bad window spoils no other, and says what is wrong in its place', async (t) => {
  const windows = [rows(1), rows(2).slice(1), 'no', rows(600), rows(5), null, rows(7)];
  const reply = await ask(windows, { outputs: telling });
  const body = jsonOf(reply);
  t.same([reply.status, body.answered, body.failed], [200, 3, 4]);
  t.same(
    body.results.map(({ detail }: { detail?: { type: string; loc: unknown; msg: string }[] }) => detail?.[0] ?? 'ok'),
    [
      'ok',
      { type: 'value_error', loc: ['body', 'windows', 1], msg: 'Value error, Expected 100 timesteps, got 99' },
      { type: 'list_type', loc: ['body', 'windows', 2], msg: 'Input should be a valid list', input: 'no' },
      {
        type: 'value_error',
        loc: ['body', 'windows', 3],
        msg: 'Value error, Accelerometer value out of range: 600',
        input: 600,
      },
      'ok',
      { type: 'list_type', loc: ['body', 'windows', 5], msg: 'Input should be a valid list', input: null },
      'ok',
    ],
  );
  t.equal(headerOf(reply, 'X-Batch-Failed'), '4');
});

t.test('a window that the backend fails on, or has no time for, leaves the others alone', async (t) => {
  const outputs = (input: Float32Array) => {
    if (input[0] === 2) throw new SidecarError('DEADLINE_EXCEEDED', 'late', { retryAfterMs: 5 });
    if (input[0] === 3) return { ...telling(input), latent_embeddings: latent().fill(Number.NaN) };
    return telling(input);
  };
  const reply = await ask([1, 2, 3, 4].map(rows), { outputs }, { query: 'normalized=true' });
  t.same(firsts(jsonOf(reply)), [1, 'DEADLINE_EXCEEDED', 'BACKEND_FAILED', 4]);
  t.same(
    reply.windows?.failed.map(({ code }) => code),
    ['DEADLINE_EXCEEDED', 'BACKEND_FAILED'],
  );
});

t.test('a batch without any answer ends as its first window, with everything that was said', async (t) => {
  const outputs = () => {
    throw new SidecarError('QUEUE_FULL', 'full', { retryAfterMs: 1200 });
  };
  const reply = await ask([rows(1), rows(2)], { outputs });
  t.match(reply, { status: 503, inference: null, windows: { answered: 0 } });
  t.same([headerOf(reply, 'Retry-After'), headerOf(reply, 'Retry-After-Ms')], ['2', '1200']);
  t.match(jsonOf(reply), { error: { code: 'QUEUE_FULL' }, detail: 'full', answered: 0, failed: 2 });
  t.equal((await ask([rows(600), 'x'])).status, 422);
});

t.test('binary windows give what the same windows in JSON give', async (t) => {
  const windows = [rows(1), rows(600), rows(3)];
  const octets = { ...headers({ 'content-type': OCTETS }) };
  const fromBytes = await inferBatch(call(toBytes(windows), octets), scene({ outputs: telling }).deps);
  const fromJson = await ask(windows, { outputs: telling });
  t.same(firsts(jsonOf(fromBytes)), firsts(jsonOf(fromJson)));
});

t.test('in a binary answer a row of NaN has none, and a header says why', async (t) => {
  const both = headers({ 'content-type': OCTETS, accept: OCTETS });
  const windows = toBytes([rows(1), rows(600), rows(3)]);
  const reply = await inferBatch(call(windows, both), scene({ outputs: telling }).deps);
  const values = new Float32Array(new Uint8Array(reply.body as Uint8Array).buffer);
  t.equal(values.length, 3 * 67);
  t.ok(values.subarray(67, 134).every(Number.isNaN));
  t.ok([...values.subarray(0, 67), ...values.subarray(134)].every(Number.isFinite));
  t.same([headerOf(reply, 'X-Batch-Failed'), headerOf(reply, 'X-Batch-Errors')], ['1', '1=INVALID_INPUT']);
});

t.test('what is no batch is refused as a whole', async (t) => {
  const refusal = async (body: string | Uint8Array, more: Partial<Call> = {}) =>
    inferBatch(call(body, more), scene({ settings: { maxBatchWindows: 2 } }).deps).then(
      () => 'answered',
      ({ items }) => `${items[0].type} ${items[0].loc.join('.')}: ${items[0].msg}`,
    );
  const octets = headers({ 'content-type': OCTETS });
  t.same(
    [
      await refusal(''),
      await refusal('[]'),
      await refusal('{"x":[]}'),
      await refusal('{"windows":{}}'),
      await refusal('{"windows":[]}'),
      await refusal('{"windows":[1,2,3]}'),
      await refusal(JSON.stringify({ windows: [rows(1), rows(1), rows(1)] })),
      await refusal('{"windows":[[[1,2'),
      await refusal(new Uint8Array(0), octets),
      await refusal(new Uint8Array(3601), octets),
      await refusal(new Uint8Array(3 * 3600), octets),
    ],
    [
      'missing body: Field required',
      'model_attributes_type body: Input should be a valid dictionary or object to extract fields from',
      'missing body.windows: Field required',
      'list_type body.windows: Input should be a valid list',
      'value_error body.windows: Value error, Expected at least 1 window, got 0',
      'value_error body.windows: Value error, Expected at most 2 windows, got 3',
      'value_error body.windows: Value error, Expected at most 2 windows, got 3',
      'json_invalid body.17: JSON decode error: unexpected end',
      'missing body: Field required',
      'value_error body: Value error, Expected a multiple of 3600 bytes, got 3601',
      'value_error body: Value error, Expected at most 2 windows, got 3',
    ],
  );
});

t.test('its windows share one place among batches, and the longer deadline', async (t) => {
  const { deps, runs } = scene();
  await inferBatch(call(JSON.stringify({ windows: [rows(1), rows(2)] })), deps);
  const [first, second] = runs.map(({ ticket }) => ticket);
  t.ok(first?.batch !== undefined && first.batch === second?.batch);
  t.equal(first?.deadlineAt, 1990);
  const hurried = scene();
  const more = headers({ 'x-request-timeout-ms': '20' });
  await inferBatch(call(JSON.stringify({ windows: [rows(1)] }), more), hurried.deps);
  t.equal(hurried.runs[0]?.ticket.deadlineAt, 1010);
});

t.test('where more failed than a header can name, it says so; neighbours share a place', async (t) => {
  const both = headers({ 'content-type': OCTETS, accept: OCTETS });
  const errorsOf = async (values: number[]) => {
    const parts = { outputs: telling, settings: { maxBatchWindows: 1024 } };
    const reply = await inferBatch(call(toBytes(values.map(rows)), both), scene(parts).deps);
    return headerOf(reply, 'X-Batch-Errors');
  };
  t.equal(await errorsOf([1, 600, 600, 600, 1, 600]), '1-3=INVALID_INPUT, 5=INVALID_INPUT');
  const many = await errorsOf(Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 1 : 600)));
  t.equal(many?.split(', ').length, 65);
  t.match(many, /^1=INVALID_INPUT, 3=.*, 127=INVALID_INPUT, more$/);
});

t.test('a batch of which a part came too late says when to send that again', async (t) => {
  const outputs = (input: Float32Array) => {
    if (input[0] === 2) throw new SidecarError('DEADLINE_EXCEEDED', 'late', { retryAfterMs: 70 });
    return telling(input);
  };
  const reply = await ask([rows(1), rows(2)], { outputs }, { query: 'normalized=true' });
  t.same([reply.status, headerOf(reply, 'Retry-After-Ms')], [200, '70']);
});
