import t from 'tap';
import type { LoadedModel } from '../../src/core/backend.ts';
import type { Golden } from '../../src/core/manifest.ts';
import { checkGolden, compareVectors, warmUp } from '../../src/models/golden.ts';
import { tinyManifest } from '../fixtures/bundle.ts';
import { tinyOnnx } from '../fixtures/tiny-onnx.ts';

const manifest = tinyManifest(tinyOnnx());
const golden: Golden = {
  format: 1,
  runtime: 'test',
  tolerance: { cosine: 0.999, abs: 0.01 },
  windows: [
    { name: 'first', x: [[1, 2]], latent: [1, 2, 3], motif_scores: [0.5] },
    { name: 'second', x: [[3, 4]], latent: [3, 2, 1], motif_scores: null },
  ],
};

/** A model that answers from a table, by the first value of the window. */
function model(latents: Record<number, number[]>, scores = [0.5]) {
  const seen: number[][] = [];
  const loaded: LoadedModel = {
    id: 'tiny@1',
    capacity: 1,
    lanes: 1,
    run: async (input) => {
      seen.push([...input]);
      const outputs = {
        latent_embeddings: Float32Array.from(latents[input[0]!] ?? []),
        motif_scores: Float32Array.from(scores),
      };
      return { outputs, backend: 'cpu', degraded: null };
    },
    close: async () => {},
  };
  return { loaded, seen };
}

const identity = (raw: Float32Array) => raw;

t.test('windows that come out right give the worst figures of all', async (t) => {
  const { loaded } = model({ 1: [1, 2, 3.005], 3: [3, 2, 1] });
  const figures = await checkGolden({ model: loaded, manifest, golden, prepare: identity });
  t.equal(figures.windows, 2);
  t.ok(Math.abs(figures.maxAbs - 0.005) < 1e-6);
  t.ok(figures.cosine > 0.9999 && figures.cosine < 1);
});

t.test('windows go in as live ones do: prepared', async (t) => {
  const { loaded, seen } = model({ 2: [1, 2, 3], 6: [3, 2, 1] });
  await checkGolden({ model: loaded, manifest, golden, prepare: (raw) => raw.map((value) => value * 2) });
  t.same(seen, [
    [2, 4],
    [6, 8],
  ]);
});

for (const [what, latent, scores] of [
  ['a latent that differs', [1, 2, 3.5], [0.5]],
  ['a score that differs', [1, 2, 3], [0.6]],
  ['a number that is none', [1, 2, Number.NaN], [0.5]],
  ['an infinite number', [1, 2, Number.POSITIVE_INFINITY], [0.5]],
  ['another length', [1, 2], [0.5]],
] as const) {
  t.test(`${what} fails, with the window and the figures in the message`, async (t) => {
    const { loaded } = model({ 1: [...latent], 3: [3, 2, 1] }, [...scores]);
    await t.rejects(checkGolden({ model: loaded, manifest, golden, prepare: identity }), {
      code: 'MODEL_INVALID',
      message: /tiny@1 .* "first": cosine .*largest difference/,
    });
  });
}

t.test('warming up runs the first window as often as asked', async (t) => {
  const { loaded, seen } = model({});
  await warmUp({ model: loaded, manifest, golden, prepare: identity }, 3);
  t.equal(seen.length, 3);
});

t.test('vectors are compared by angle and by the largest difference', async (t) => {
  const compare = (a: number[], b: number[]) => compareVectors(Float32Array.from(a), Float32Array.from(b));
  t.same(compare([1, 0], [0, 1]), { cosine: 0, maxAbs: 1 });
  t.same(compare([2, 0], [1, 0]), { cosine: 1, maxAbs: 1 });
  t.same(compare([0, 0], [0, 0]), { cosine: 1, maxAbs: 0 });
  t.same(compare([0, 0], [0, 1]), { cosine: 0, maxAbs: 1 });
});
