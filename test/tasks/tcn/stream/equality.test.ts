import fc from 'fast-check';
import t from 'tap';
import type { TaskDeps } from '../../../../src/core/task.ts';
import type { Tensors } from '../../../../src/core/tensor.ts';
import { StreamDesk } from '../../../../src/tasks/tcn/stream/desk.ts';
import { tcn } from '../../../../src/tasks/tcn/task.ts';
import { call, scene, streamDeps } from '../fakes.ts';
import { connect, frame, type Message, rows, turn } from './connection.ts';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 60);

/** Every number of a window counts in its answer. */
function outputs(input: Float32Array): Tensors {
  const latent = new Float32Array(64);
  for (const [i, value] of input.entries()) latent[i % 64] = Math.fround(latent[i % 64]! * 0.9 + value);
  const scores = Float32Array.of(latent[0]!, latent[1]!, latent[2]!).map((value) => 1 / (1 + Math.exp(-value)));
  return { latent_embeddings: latent, motif_scores: scores };
}

function world() {
  const here = scene({ outputs });
  const deps: TaskDeps = { ...here.deps, clock: () => 0, streams: streamDeps() };
  const desk = new StreamDesk(deps);
  return { deps, desk };
}

/** What tells one result from another; times of the machine do not. */
const toFacts = ({ queue_ms: _queue, infer_ms: _infer, next_seq: _next, ...facts }: Message) => facts;

async function stream(samples: number[][], cuts: readonly number[], hello: object, isJson: boolean) {
  const { desk, deps } = world();
  const client = connect(desk, deps);
  client.say({ type: 'hello', outputs: { latent: true, top_k: 3 }, ...hello });
  const { rate_hz: rate } = hello as { rate_hz: number };
  let from = 0;
  for (const to of [...cuts, samples.length]) {
    if (to <= from) continue;
    const [tMs, part] = [from * (1000 / rate), samples.slice(from, to)];
    if (isJson) client.say({ type: 'samples', seq: from, t_ms: tMs, samples: part });
    else client.send(frame(from, tMs, part));
    await turn();
    from = to;
  }
  client.say({ type: 'end' });
  for (let i = 0; i < 40 && client.closed === null; i++) await turn();
  desk.close();
  return client;
}

const cutting = (length: number) =>
  fc.array(fc.integer({ min: 1, max: length - 1 }), { maxLength: 30 }).map((cuts) => cuts.sort((a, b) => a - b));

t.test('any split of the same samples into frames gives the same windows and results, at any rate', async (t) => {
  const property = fc.asyncProperty(
    fc.record({
      cuts: cutting(400),
      hop: fc.integer({ min: 1, max: 150 }),
      rate: fc.constantFrom(100, 50, 52, 128, 200, 99.7),
      isJson: fc.boolean(),
      tau: fc.constantFrom(0, 700),
    }),
    async ({ cuts, hop, rate, isJson, tau }) => {
      const samples = rows(0, 400);
      const hello = { rate_hz: rate, hop: rate > 150 ? Math.min(hop, 50) : hop, smoothing: { tau_ms: tau } };
      const whole = await stream(samples, [100, 200, 300], hello, false);
      const split = await stream(samples, cuts, hello, isJson);
      t.same(split.of('gap'), []);
      t.equal(JSON.stringify(split.of('result').map(toFacts)), JSON.stringify(whole.of('result').map(toFacts)));
      t.ok(whole.of('result').length > 0);
    },
  );
  await fc.assert(property, { numRuns: RUNS });
});

t.test('a stream’s results are what /infer answers for the same windows', async (t) => {
  const property = fc.asyncProperty(cutting(300), fc.integer({ min: 5, max: 60 }), async (cuts, hop) => {
    const samples = rows(cuts[0] ?? 0, 300);
    const results = (await stream(samples, cuts, { rate_hz: 100, hop }, cuts.length % 2 === 0)).of('result');
    const { deps, desk } = world();
    const infer = tcn.create(deps).routes.find(({ path }) => path === '/infer')!;
    for (const { window, latent, motif_scores } of results) {
      const x = samples.slice(window * hop, window * hop + 100);
      const reply = await infer.handle(call(JSON.stringify({ x })));
      t.same({ latent, motif_scores }, JSON.parse(Buffer.from(reply.body as Uint8Array).toString()));
    }
    desk.close();
    t.equal(results.length, Math.floor((300 - 100) / hop) + 1);
  });
  await fc.assert(property, { numRuns: Math.ceil(RUNS / 2) });
});
