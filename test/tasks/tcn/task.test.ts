import t from 'tap';
import { Value } from 'typebox/value';
import { SidecarError } from '../../../src/core/errors.ts';
import type { Call, Reply } from '../../../src/core/task.ts';
import { TASKS } from '../../../src/tasks/index.ts';
import { EncodeReplySchema, InferReplySchema, TestReplySchema } from '../../../src/tasks/tcn/schema.ts';
import { tcn } from '../../../src/tasks/tcn/task.ts';
import { restRows, withLiteral } from './bodies.ts';
import { call, latent, latentOnly, manifest, type Scene, type SceneParts, scene } from './fakes.ts';

const body = JSON.stringify({ x: restRows() });
const textOf = (reply: Reply) => (typeof reply.body === 'string' ? reply.body : Buffer.from(reply.body).toString());
const headersOf = (reply: Reply) => Object.fromEntries(reply.headers);

async function ask({ deps }: Scene, path: string, request: Call = call(body)): Promise<Reply> {
  return tcn
    .create(deps)
    .routes.find((route) => route.path === path)!
    .handle(request);
}

const refusal = (code: string, message: RegExp = /./) => ({ name: 'SidecarError', code, message });

t.test('the task is listed, with its routes and their metric labels', async (t) => {
  t.same(
    TASKS.map(({ name }) => name),
    ['tcn'],
  );
  const routes = tcn.create(scene().deps).routes;
  t.same(
    routes.map(({ method, path, label, kind, aliasOf }) => [method, path, label, kind, aliasOf]),
    [
      ['POST', '/infer', '/infer', 'inference', undefined],
      ['POST', '/', '/', 'inference', '/infer'],
      ['POST', '/infer/infer', '/infer/infer', 'inference', '/infer'],
      ['POST', '/encode', '/encode', 'inference', undefined],
      ['POST', '/infer/batch', '/infer/batch', 'inference', undefined],
      ['POST', '/test', '/test', 'service', undefined],
      ['GET', '/stream/{id}/events', '/stream/ID/events', 'service', undefined],
      ['GET', '/docs/stream', '/docs/stream', 'service', undefined],
      ['GET', '/docs/stream/client.html', '/docs/stream/client.html', 'service', undefined],
      ['GET', '/docs/stream/client.mjs', '/docs/stream/client.mjs', 'service', undefined],
      ['GET', '/stream/schema.json', '/stream/schema.json', 'service', undefined],
    ],
  );
});

t.test('/infer: exactly latent and motif_scores, as float32 reads them, the same bytes each time', async (t) => {
  const here = scene();
  const reply = await ask(here, '/infer');
  const value = JSON.parse(textOf(reply));
  t.equal(reply.status, 200);
  t.equal(reply.contentType, 'application/json');
  t.same(Object.keys(value), ['latent', 'motif_scores']);
  t.same(value.latent.map(Math.fround), [...latent()]);
  t.same(value.motif_scores, [0.25, 0.5, 1]);
  t.ok(Value.Check(InferReplySchema, value));
  for (const path of ['/infer', '/', '/infer/infer']) t.equal(textOf(await ask(here, path)), textOf(reply), path);
});

t.test('/encode: three keys in order, either name of the window', async (t) => {
  const here = scene();
  const reply = await ask(here, '/encode', call(JSON.stringify({ imu_window: restRows() })));
  const value = JSON.parse(textOf(reply));
  t.same(Object.keys(value), ['latent_embedding', 'model_version', 'accuracy']);
  t.same([value.model_version, value.accuracy], ['v1', '72.13%']);
  t.ok(Value.Check(EncodeReplySchema, value));
  t.equal(textOf(await ask(here, '/encode')), textOf(reply));
  t.equal(headersOf(reply)['X-Motif-Source'], undefined);
  const unknown = await ask(scene({ manifest: manifest({ accuracy: null }) }), '/encode');
  t.match(textOf(unknown), /,"accuracy":"unknown"\}$/);
});

t.test('provenance goes into headers and the record', async (t) => {
  const reply = await ask(scene({ degraded: 'device lost:\nno answer – see log' }), '/infer');
  t.strictSame(reply.headers, [
    ['X-Backend', 'cpu'],
    ['X-Model', 'test-tcn@v1'],
    ['X-Degraded', 'device lost: no answer see log'],
    ['X-Motif-Source', 'output'],
    ['X-Inference-Time-Ms', '1.250'],
    ['Server-Timing', 'parse;dur=10.000, queue;dur=0.500, infer;dur=1.250, post;dur=1.000'],
  ]);
  t.match(reply.inference, { model: 'test-tcn@v1', backend: 'cpu', queueMs: 0.5, inferMs: 1.25 });
  t.equal(headersOf(await ask(scene(), '/infer'))['X-Degraded'], undefined);
});

t.test('the model gets the z-scored window, its deadline and news of the client', async (t) => {
  const here = scene({ settings: { deadlineMs: 25 } });
  await ask(here, '/infer', call(body, { isGone: () => true }));
  const { input, ticket } = here.runs[0]!;
  const { prepare } = tcn;
  t.same([...input], [...prepare(manifest())(Float32Array.from(restRows().flat()))]);
  t.equal(input[2], Math.fround(Math.fround(Math.fround(9.81) - Math.fround(9.78)) / Math.fround(2.45)));
  t.same([ticket.deadlineAt, ticket.isGone()], [1015, true]);
});

t.test('normalized=true skips the z-score and the range check; other words are refused', async (t) => {
  const here = scene();
  const hot = withLiteral('600');
  await ask(here, '/infer', call(hot, { query: 'a=b&normalized=true' }));
  t.equal(here.runs[0]!.input[3 * 9 + 4], 600);
  await t.rejects(ask(here, '/infer', call(hot)), refusal('INVALID_INPUT'));
  await t.rejects(ask(here, '/infer', call(hot, { query: 'normalized=0' })), refusal('INVALID_INPUT', /out of range/));
  const odd = ask(here, '/infer', call(body, { query: 'normalized=perhaps' }));
  const items = await odd.catch((error: SidecarError) => error.items);
  t.match(items, [{ type: 'bool_parsing', loc: ['query', 'normalized'], input: 'perhaps' }]);
  t.equal((await ask(here, '/infer', call(body, { query: 'other=1' }))).status, 200);
});

t.test('the range check can be switched off', async (t) => {
  const here = scene({ settings: { validateInputRanges: false } });
  t.equal((await ask(here, '/infer', call(withLiteral('600')))).status, 200);
});

t.test(
  'a model without motif source: /encode serves, /infer names the remedy, the documented rule only if allowed',
  async (t) => {
    const parts: SceneParts = { manifest: latentOnly(), outputs: () => ({ latent_embeddings: latent() }) };
    const here = scene(parts);
    t.equal((await ask(here, '/encode')).status, 200);
    await t.rejects(ask(here, '/infer'), refusal('NO_MOTIF_SOURCE', /allow_uncalibrated_motifs/));
    t.match(tcn.create(here.deps).endpoints(), { '/infer': /no motif scores/, '/encode': 'ready', '/test': 'ready' });
    const allowed = scene({ ...parts, settings: { allowUncalibratedMotifs: true } });
    const reply = await ask(allowed, '/infer');
    t.equal(headersOf(reply)['X-Motif-Source'], 'uncalibrated');
    t.equal(JSON.parse(textOf(reply)).motif_scores.length, 12);
    t.ok(Value.Check(InferReplySchema, JSON.parse(textOf(reply))));
    t.match(tcn.create(allowed.deps).endpoints(), { '/infer': 'ready' });
  },
);

t.test('what the model gets wrong is never sent', async (t) => {
  const good = { latent_embeddings: latent(), motif_scores: Float32Array.of(0, 0, 0) };
  const wrong = {
    'not finite': { ...good, latent_embeddings: latent().fill(Number.NaN, 5, 6) },
    'not within 0..1': { ...good, motif_scores: Float32Array.of(0, 1.5, 0) },
    'not within 0': { ...good, motif_scores: Float32Array.of(0, Number.NaN, 0) },
    '63 numbers': { ...good, latent_embeddings: latent().subarray(1) },
    'no such output': { latent_embeddings: latent() },
  };
  for (const [words, outputs] of Object.entries(wrong)) {
    await t.rejects(ask(scene({ outputs: () => outputs }), '/infer'), refusal('BACKEND_FAILED', new RegExp(words)));
  }
  const rounded = scene({ outputs: () => ({ ...good, motif_scores: Float32Array.of(1.0000001, -1e-9, 0.5) }) });
  t.same(JSON.parse(textOf(await ask(rounded, '/infer'))).motif_scores, [1, 0, 0.5]);
});

t.test('/test runs a window of its own, and says 503 when that fails', async (t) => {
  const reply = await ask(scene(), '/test', call('anything'));
  const value = JSON.parse(textOf(reply));
  t.same(value, {
    test_status: 'success',
    latent_shape: 64,
    motif_shape: 3,
    latent_range: [latent()[0], latent()[63]],
    motif_range: [0.25, 1],
    inference_time_ms: 1.25,
  });
  t.ok(Value.Check(TestReplySchema, value));
  const bare = await ask(scene({ manifest: latentOnly() }), '/test', call(''));
  t.match(JSON.parse(textOf(bare)), { motif_shape: null, motif_range: null });
  const failing = scene({ outputs: () => ({}) });
  await t.rejects(ask(failing, '/test'), refusal('BACKEND_UNAVAILABLE', /no such output/));
});

t.test('no model in service: the reason is what every endpoint says', async (t) => {
  const served = () => {
    throw new SidecarError('NOT_READY', 'The model is warming up.');
  };
  const here = scene({ served });
  for (const path of ['/infer', '/encode', '/test']) await t.rejects(ask(here, path), refusal('NOT_READY'));
  const reason = 'The model is warming up.';
  t.strictSame(tcn.create(here.deps).endpoints(), {
    '/infer': reason,
    '/infer/batch': reason,
    '/encode': reason,
    '/test': reason,
  });
});
