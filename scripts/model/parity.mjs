// SPDX-License-Identifier: Apache-2.0
// Asks onnxruntime for what PyTorch answered: node parity.mjs MODEL.onnx PARITY.json. Exit status 1 below 0.99999.
import { readFileSync } from 'node:fs';
import { cosine, openModel } from './onnx.mjs';

const MIN_COSINE = 0.99999;
const [file, parityFile] = process.argv.slice(2);
if (parityFile === undefined) {
  console.error('Usage: node parity.mjs MODEL.onnx PARITY.json (from export.py --parity)');
  process.exit(64);
}
const { cases } = JSON.parse(readFileSync(parityFile, 'utf8'));
const model = await openModel(file);
const worst = {};
for (const { input, outputs } of cases) {
  const found = await model.run(Float32Array.from(input));
  for (const [name, expected] of Object.entries(outputs)) {
    const { cosine: lowest = 1, maxAbs = 0 } = worst[name] ?? {};
    const distances = expected.map((value, i) => Math.abs(value - found[name][i]));
    worst[name] = { cosine: Math.min(lowest, cosine(expected, found[name])), maxAbs: Math.max(maxAbs, ...distances) };
  }
}
for (const [name, { cosine: lowest, maxAbs }] of Object.entries(worst)) {
  console.log(
    `${name}: cosine ${lowest.toFixed(8)}, largest difference ${maxAbs.toExponential(2)}, ${cases.length} windows`,
  );
}
const fails = Object.values(worst).some(({ cosine: lowest }) => !(lowest >= MIN_COSINE));
if (fails)
  console.error(`Parity failed: a cosine is below ${MIN_COSINE}. The exported graph is not the model; do not ship it.`);
process.exitCode = fails ? 1 : 0;
