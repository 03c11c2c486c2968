import t from 'tap';
import type { MotifHead } from '../../../src/core/manifest.ts';
import { checkManifest } from '../../../src/tasks/tcn/manifest-check.ts';
import { latentOnly, manifest } from './fakes.ts';

const base = manifest();

t.test('a manifest of the task is servable, with and without motif scores', async (t) => {
  t.same(checkManifest(base), []);
  t.same(checkManifest(latentOnly()), []);
});

t.test('each contradiction is one sentence', async (t) => {
  const { input, normalisation, outputs } = base;
  const cases: readonly [RegExp, Parameters<typeof manifest>[0]][] = [
    [/^input\.shape is \[1, 50, 9\]; the task tcn needs \[1, 100, 9\]\.$/, { input: { ...input, shape: [1, 50, 9] } }],
    [/^input\.channels is \[gx, /, { input: { ...input, channels: ['gx', ...input.channels.slice(1)] } }],
    [/^input\.units is \[g, /, { input: { ...input, units: ['g', ...input.units.slice(1)] } }],
    [/^input\.rate_hz is \[50\]/, { input: { ...input, rate_hz: 50 } }],
    [/^normalisation\.mean has 1 numbers/, { normalisation: { ...normalisation, mean: [0] } }],
    [/std holds a number that is 0/, { normalisation: { ...normalisation, std: normalisation.std.with(3, 1e-60) } }],
    [/does not fit float32/, { normalisation: { ...normalisation, mean: normalisation.mean.with(0, 1e39) } }],
    [/^outputs\.latent\.shape/, { outputs: { ...outputs, latent: { name: 'l', shape: [1, 32] } } }],
    [/^outputs\.motif_scores\.shape/, { outputs: { ...outputs, motif_scores: { name: 'm', shape: [3] } } }],
    [/^motifs\.labels has 1 names for 3/, { motifs: { labels: ['a'], head: 'output' } }],
    [/^motifs\.head is "output"/, { outputs: { ...outputs, motif_scores: null } }],
    [/^accuracy\.value is 72/, { accuracy: { value: 72, dataset: '', source: '' } }],
  ];
  for (const [sentence, change] of cases) {
    const faults = checkManifest(manifest(change));
    t.equal(faults.length, 1, String(sentence));
    t.match(faults[0], sentence);
  }
});

t.test('a head is judged with its manifest', async (t) => {
  const weights = [Array(63).fill(0)];
  const head: MotifHead = {
    format: 1,
    kind: 'dense',
    version: '1',
    labels: ['a'],
    activation: 'sigmoid',
    weights,
    bias: [0],
  };
  t.same(checkManifest(latentOnly(), head), ['Row 0 has 63 numbers, the latent has 64.']);
});
