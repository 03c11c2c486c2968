// SPDX-License-Identifier: Apache-2.0
// What a model says to windows that its training never saw, in onnxruntime, as the daemon runs it.
import { readFileSync } from 'node:fs';
import { normalise } from './onnx.mjs';

/** Raw float32 windows and labels as simulate.py --set wrote them. */
export function readSet(file) {
  const facts = JSON.parse(readFileSync(file.replace(/\.[^.]*$/, '.json'), 'utf8'));
  const bytes = readFileSync(file);
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const windows = facts.labels.map((_, i) => values.slice(i * 900, (i + 1) * 900));
  return { ...facts, windows };
}

/** Accuracy, recall per motif, confusion (rows: what it was, columns: what was said) and the spread of the latent. */
export async function evaluate(model, set, normalisation) {
  const count = set.motifs.length;
  const confusion = Array.from({ length: count }, () => new Array(count).fill(0));
  const spread = createSpread(64);
  for (const [i, window] of set.windows.entries()) {
    const { latent_embeddings: latent, motif_scores: scores } = await model.run(normalise(window, normalisation));
    confusion[set.labels[i]][topOf(scores)] += 1;
    spread.add(latent);
  }
  const recall = confusion.map((row, i) => row[i] / row.reduce((sum, n) => sum + n, 0));
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  return {
    accuracy: right / set.windows.length,
    windows: set.windows.length,
    recall,
    confusion,
    latent: spread.facts(),
  };
}

export function topOf(scores) {
  return scores.indexOf(Math.max(...scores));
}

/** Standard deviation of each dimension and the largest value, in one pass. */
function createSpread(size) {
  const sum = new Float64Array(size);
  const square = new Float64Array(size);
  let largest = 0;
  let count = 0;
  return {
    add(vector) {
      count += 1;
      for (let i = 0; i < size; i++) {
        sum[i] += vector[i];
        square[i] += vector[i] ** 2;
        largest = Math.max(largest, Math.abs(vector[i]));
      }
    },
    facts() {
      const std = [...sum].map((s, i) => Math.sqrt(Math.max(0, square[i] / count - (s / count) ** 2)));
      return { smallest_std: Math.min(...std), largest_std: Math.max(...std), largest_abs: largest };
    },
  };
}
