import t from 'tap';
import { createPairs } from '../../../src/models/rollout/pairs.ts';

const vectors = (latent: number[], scores: number[] | null = null) => ({
  latent: Float32Array.from(latent),
  scores: scores && Float32Array.from(scores),
});

t.test('without pairs nothing is said', async (t) => {
  t.same(createPairs().figures(), {
    pairs: 0,
    dropped: 0,
    active: { errors: 0, late: 0 },
    candidate: { errors: 0, late: 0 },
    cosine: null,
    motifAgreement: null,
    scoreDifference: null,
    latencyMs: { active: null, candidate: null },
  });
});

t.test('a pair is compared by the direction of its latents, its top motif, its scores and its times', async (t) => {
  const pairs = createPairs();
  pairs.add(vectors([1, 0], [0.7, 0.3]), vectors([2, 0], [0.6, 0.4]), 1, 5);
  pairs.add(vectors([1, 0], [0.9, 0.1]), vectors([0, 1], [0.2, 0.8]), 3, 7);
  const { cosine, scoreDifference, ...rest } = pairs.figures();
  t.match(cosine, { count: 2, mean: 0.5, min: 0 });
  t.ok(Math.abs(scoreDifference! - 0.4) < 1e-6);
  t.match(rest, { pairs: 2, motifAgreement: 0.5 });
  t.same(rest.latencyMs, {
    active: { windows: 2, median: 3, p99: 3 },
    candidate: { windows: 2, median: 7, p99: 7 },
  });
});

t.test('motifs are the same by name, wherever each version lists them', async (t) => {
  const labels = { active: ['rest', 'walk', 'wave'], candidate: ['wave', 'rest', 'jump'] };
  const pairs = createPairs({ labels });
  pairs.add(vectors([1], [0.5, 0.2, 0.3]), vectors([1], [0.3, 0.5, 0.2]), 1, 1);
  t.match(pairs.figures(), { motifAgreement: 1 });
  t.ok(pairs.figures().scoreDifference! < 1e-6, 'over rest and wave, which both know');
  pairs.add(vectors([1], [0.1, 0.1, 0.8]), vectors([1], [0.1, 0.1, 0.8]), 1, 1);
  t.equal(pairs.figures().motifAgreement, 0.5, 'a motif that only one knows agrees with nothing');
});

t.test('names that one of both lacks are no names: motifs are compared by place', async (t) => {
  const pairs = createPairs({ labels: { active: [], candidate: ['a', 'b'] } });
  pairs.add(vectors([1], [0.2, 0.8]), vectors([1], [0.2, 0.8]), 1, 1);
  t.equal(pairs.figures().motifAgreement, 1);
});

t.test('what cannot be compared is not compared: other lengths, no scores, no motif in common', async (t) => {
  const pairs = createPairs();
  pairs.add(vectors([1, 0], [1, 0]), vectors([1], [1, 0, 0]), 1, 1);
  pairs.add(vectors([1, 0], [1, 0]), vectors([1], null), 1, 1);
  t.match(pairs.figures(), { pairs: 2, cosine: null, motifAgreement: null, scoreDifference: null });
  const strangers = createPairs({ labels: { active: ['a', 'b'], candidate: ['c', 'd'] } });
  strangers.add(vectors([1], [1, 0]), vectors([1], [1, 0]), 1, 1);
  t.match(strangers.figures(), { pairs: 1, motifAgreement: null });
});

t.test('failures are told by whose they are, and what was never tried is dropped', async (t) => {
  const pairs = createPairs();
  pairs.failed('BACKEND_FAILED');
  pairs.failed('DEADLINE_EXCEEDED');
  pairs.failed('QUEUE_FULL');
  pairs.activeFailed('INTERNAL');
  pairs.activeFailed('BACKEND_UNAVAILABLE');
  pairs.drop();
  const { candidate, active, dropped, pairs: count } = pairs.figures();
  t.same(
    { candidate, active, dropped, count },
    { candidate: { errors: 1, late: 1 }, active: { errors: 1, late: 0 }, dropped: 3, count: 0 },
  );
});

t.test('figures are a copy', async (t) => {
  const pairs = createPairs();
  const before = pairs.figures();
  pairs.failed('INTERNAL');
  t.equal(before.candidate.errors, 0);
});
