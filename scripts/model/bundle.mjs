// SPDX-License-Identifier: Apache-2.0
// Makes the bundle that ships: node bundle.mjs WORK_DIR OUT_DIR, after train.py, export.py and simulate.py --set.
// Evaluates the ONNX, writes golden windows, manifest and model card; every figure in them comes from this run.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { evaluate, readSet } from './evaluate.mjs';
import { modelCard } from './model-card.mjs';
import { normalise, openModel } from './onnx.mjs';

const NAME = 'imu-motif-tcn';
const VERSION = '2026.11.1';
const GOLDEN_MOTIFS = ['rest', 'walk', 'turn_left', 'shake'];
const SAMPLES = join(import.meta.dirname, '..', '..', '..', 'shared', 'samples');
const [work, out] = process.argv.slice(2);

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const model = await openModel(join(work, 'tcn_encoder.onnx'));
const normalisation = readJson(join(work, 'normalisation.json'));
const training = readJson(join(work, 'training.json'));
const set = readSet(join(work, 'held-out.f32'));
const evaluation = await evaluate(model, set, normalisation);

mkdirSync(out, { recursive: true });
copyFileSync(join(work, 'tcn_encoder.onnx'), join(out, 'tcn_encoder.onnx'));
writeFileSync(join(out, 'golden.json'), toGoldenText(await goldenWindows()));
writeFileSync(join(out, 'manifest.yaml'), stringify(toManifest(), { collectionStyle: 'any', lineWidth: 110 }));
const facts = { name: NAME, version: VERSION, motifs: set.motifs, evaluation, training, samples: await askSamples() };
writeFileSync(join(out, 'evaluation.json'), `${JSON.stringify(facts, null, 1)}\n`);
writeFileSync(join(out, 'MODEL_CARD.md'), modelCard(facts, model.bytes.length));
console.log(`held-out accuracy ${(evaluation.accuracy * 100).toFixed(2)} % of ${evaluation.windows} windows`);
for (const [i, recall] of evaluation.recall.entries())
  console.log(`  ${set.motifs[i].padEnd(12)} ${(recall * 100).toFixed(1)} %`);
console.log(
  `latent: std ${evaluation.latent.smallest_std.toFixed(3)} to ${evaluation.latent.largest_std.toFixed(3)}, largest ${evaluation.latent.largest_abs.toFixed(2)}`,
);

/** The first held-out window of some motifs, as request bodies carry it, with what the ONNX gives for it. */
async function goldenWindows() {
  const windows = [];
  for (const motif of GOLDEN_MOTIFS) {
    const { x } = readJson(join(out, 'examples', `${motif}.json`));
    const { latent_embeddings: latent, motif_scores: scores } = await model.run(
      normalise(Float32Array.from(x.flat()), normalisation),
    );
    windows.push({ name: motif, x, latent: [...latent], motif_scores: [...scores] });
  }
  return windows;
}

/** A window a line, so that a change of one shows as a change of one. */
function toGoldenText(windows) {
  const runtime = `onnxruntime-node 1.30.0, 1 intra-op thread, ${process.arch}`;
  const head = `{"format":1,"runtime":${JSON.stringify(runtime)},"tolerance":{"cosine":0.999999,"abs":0.0002},"windows":[`;
  return `${head}\n${windows.map((window) => JSON.stringify(window)).join(',\n')}\n]}\n`;
}

/** What it makes of the three windows published with EdgeInfer; null where they are not at hand. */
async function askSamples() {
  if (!existsSync(SAMPLES)) return null;
  const answers = {};
  for (const name of ['static', 'realistic', 'random']) {
    const { x } = readJson(join(SAMPLES, `${name}_imu_sample.json`));
    const { motif_scores: scores } = await model.run(normalise(Float32Array.from(x.flat()), normalisation));
    answers[name] = Object.fromEntries(set.motifs.map((motif, i) => [motif, Math.round(scores[i] * 1e4) / 1e4]));
  }
  return answers;
}

function toManifest() {
  return {
    name: NAME,
    version: VERSION,
    task: 'tcn',
    description:
      'Reference encoder of this project: causal dilated TCN, 64-d latent and 12 motif scores. Trained on simulated motion only; see MODEL_CARD.md.',
    accuracy: {
      value: Math.round(evaluation.accuracy * 1e4) / 1e4,
      dataset: 'simulated motion, held-out sensors, rates, mountings and gaits',
      source: 'measured by scripts/model, simulated data only',
    },
    input: {
      name: 'imu_window',
      shape: [1, 100, 9],
      rate_hz: 100,
      channels: ['ax', 'ay', 'az', 'gx', 'gy', 'gz', 'mx', 'my', 'mz'],
      units: ['m/s2', 'm/s2', 'm/s2', 'rad/s', 'rad/s', 'rad/s', 'uT', 'uT', 'uT'],
    },
    normalisation: {
      method: 'z_score_per_channel',
      mean: normalisation.mean,
      std: normalisation.std,
      source: 'computed from the simulated training data',
    },
    outputs: {
      latent: { name: 'latent_embeddings', shape: [1, 64] },
      motif_scores: { name: 'motif_scores', shape: [1, 12] },
    },
    motifs: { labels: set.motifs, head: 'output' },
    artefacts: [
      { file: 'tcn_encoder.onnx', kind: 'onnx', sha256: sha256(model.bytes), tolerance: { cosine: 0.999999 } },
    ],
    golden: 'golden.json',
    licence: 'Apache-2.0',
  };
}
