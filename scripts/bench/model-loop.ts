import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/**
 * The most that one thread can make of a model: session.run in a loop, tensors made once, nothing around it.
 * Usage: node model-loop.ts ONNX SECONDS. Prints runs per second.
 */
const [file = '', seconds = '5'] = process.argv.slice(2);
const session = await InferenceSession.create(readFileSync(file), {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
});
const input = new Tensor(
  'float32',
  Float32Array.from({ length: 900 }, (_, i) => Math.sin(i)),
  [1, 100, 9],
);
const feeds = { [session.inputNames[0] ?? '']: input };
for (let i = 0; i < 200; i++) await session.run(feeds);
const startAt = performance.now();
let runs = 0;
while (performance.now() - startAt < Number(seconds) * 1000) {
  await session.run(feeds);
  runs += 1;
}
console.log(runs / ((performance.now() - startAt) / 1000));
