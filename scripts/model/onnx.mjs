// SPDX-License-Identifier: Apache-2.0
// A model in onnxruntime for these scripts: one thread, [1, 100, 9] in, name → Float32Array out.
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';

export async function openModel(file) {
  const bytes = readFileSync(file);
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const [{ name, shape }] = session.inputMetadata;
  return {
    bytes,
    run: async (window) => {
      const results = await session.run({ [name]: new Tensor('float32', window, shape) });
      return Object.fromEntries(Object.entries(results).map(([output, tensor]) => [output, tensor.data]));
    },
  };
}

/** Cosine of the angle between two vectors; 1 for two that are zero. */
export function cosine(a, b) {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa === 0 && bb === 0 ? 1 : dot / Math.sqrt(aa * bb);
}

/** Raw window → model input: (x - mean) / std per channel, float32 at each step, as the daemon does it. */
export function normalise(raw, { mean, std }) {
  const out = new Float32Array(raw.length);
  for (let i = 0; i < raw.length; i++) {
    const channel = i % mean.length;
    out[i] = Math.fround(Math.fround(raw[i]) - Math.fround(mean[channel])) / Math.fround(std[channel]);
  }
  return out;
}
