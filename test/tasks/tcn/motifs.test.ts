import t from 'tap';
import type { MotifHead } from '../../../src/core/manifest.ts';
import { calibratedMotifs, uncalibratedMotifs } from '../../../src/tasks/tcn/motifs.ts';
import { latent, latentOnly, manifest } from './fakes.ts';

const unit = (index: number) => Array.from({ length: 64 }, (_, i) => (i === index ? 2 : 0));
const labels = ['a', 'b'];
const prototypes: MotifHead = {
  format: 1,
  kind: 'prototypes',
  version: '1',
  labels,
  temperature: 0.5,
  prototypes: [unit(0), unit(1)],
};
const dense: MotifHead = {
  format: 1,
  kind: 'dense',
  version: '1',
  labels,
  activation: 'sigmoid',
  weights: [unit(0), unit(1)],
  bias: [0, -1],
};
const along = (...values: number[]) => Float32Array.from({ length: 64 }, (_, i) => values[i] ?? 0);
const close = (a: Float32Array, b: readonly number[]) =>
  a.length === b.length && a.every((v, i) => Math.abs(v - b[i]!) < 1e-7);

t.test('prototypes: softmax of the cosine over the temperature', async (t) => {
  const motifs = calibratedMotifs(latentOnly(), prototypes)!;
  t.same([motifs.source, motifs.count], ['prototypes', 2]);
  const high = Math.exp(2) / (Math.exp(2) + 1);
  t.ok(close(motifs.score(along(3), undefined), [high, 1 - high]));
  t.ok(close(motifs.score(along(), undefined), [0.5, 0.5]), 'a zero latent is similar to none');
});

t.test('dense: sigmoid or softmax of weights · latent + bias', async (t) => {
  const motifs = calibratedMotifs(latentOnly(), dense)!;
  t.same([motifs.source, motifs.count], ['dense', 2]);
  t.ok(close(motifs.score(along(0, 0.5), undefined), [0.5, 0.5]));
  const soft = calibratedMotifs(latentOnly(), { ...dense, activation: 'softmax' })!;
  const scores = soft.score(along(500, -500), undefined);
  t.same([...scores], [1, 0], 'large logits do not overflow');
});

t.test('the model’s own output wins over a head', async (t) => {
  const motifs = calibratedMotifs(manifest(), dense)!;
  t.same([motifs.source, motifs.count], ['output', 3]);
  t.same([...motifs.score(latent(), Float32Array.of(0, 0.5, 1))], [0, 0.5, 1]);
});

t.test('neither: null; the stand-in is deterministic, moves with the latent and stays within 0..1', async (t) => {
  t.equal(calibratedMotifs(latentOnly(), null), null);
  const motifs = uncalibratedMotifs(latentOnly());
  const scores = motifs.score(latent(), undefined);
  t.same([motifs.source, motifs.count, scores.length], ['uncalibrated', 12, 12]);
  t.same([...motifs.score(latent(), undefined)], [...scores]);
  t.ok(scores.every((score) => score > 0 && score < 1));
  const mean = (0 - 32 + 12 - 32 + 24 - 32 + 36 - 32 + 48 - 32 + 60 - 32) / 7 / 6;
  t.ok(Math.abs(scores[0]! - 1 / (1 + Math.exp(-mean))) < 1e-6, 'the logistic of the mean of latents 0, 12, 24 …');
});

t.test('a head that contradicts its model is refused with every reason', async (t) => {
  const wrong: MotifHead = { ...dense, labels: ['a'], bias: [0], weights: [unit(0), [1, 2]] };
  const labelled = latentOnly({ motifs: { labels: ['a', 'b', 'c'], head: null } });
  t.throws(() => calibratedMotifs(labelled, wrong), {
    code: 'MODEL_INVALID',
    message: /Row 1 has 2 numbers, the latent has 64\. .*1 labels for 2 rows\. .*1 biases for 2 rows\. .*3 labels\./,
  });
});
