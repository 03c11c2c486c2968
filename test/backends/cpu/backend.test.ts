import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { createCpuBackend, inspectOnnx } from '../../../src/backends/cpu/backend.ts';
import type { WorkerInit } from '../../../src/backends/cpu/protocol.ts';
import type { Log } from '../../../src/core/log.ts';
import { startCpuThread } from '../../../src/parts.ts';
import { sha256, writeTinyBundle } from '../../fixtures/bundle.ts';
import { tinyLatent, tinyOnnx } from '../../fixtures/tiny-onnx.ts';
import { conforms } from '../conformance.ts';

const nothing = () => {};
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const SHARED = new URL('../../../../shared/', import.meta.url).pathname;
const window = Float32Array.from({ length: 900 }, (_, i) => Math.sin(i / 9));

t.test('one lane keeps the promises of a backend', async (t) => {
  const open = async () => createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
  await conforms(t, { open, ...writeTwo(t.testdir()) });
});

t.test('so do three', async (t) => {
  const { source } = writeTinyBundle(t.testdir());
  await conforms(t, { open: async () => createCpuBackend({ lanes: 3, startWorker: startCpuThread, log }), source });
});

function writeTwo(directory: string) {
  const { source } = writeTinyBundle(join(directory, '1'));
  const { source: second } = writeTinyBundle(join(directory, '2'), { gain: 4 }, { version: '2' });
  return { source, second };
}

async function load(t: Test, bundle: ReturnType<typeof writeTinyBundle>) {
  const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
  t.teardown(() => backend.close());
  return { backend, model: await backend.load(bundle.source) };
}

t.test('it computes what the graph says', async (t) => {
  const { model } = await load(t, writeTinyBundle(t.testdir()));
  const { outputs } = await model.run(window);
  const expected = tinyLatent(window);
  const worst = Math.max(...outputs.latent_embeddings!.map((value, i) => Math.abs(value - expected[i]!)));
  t.ok(worst < 1e-6, `largest difference ${worst}`);
});

t.test('a graph with an open batch dimension takes windows one by one', async (t) => {
  const { model } = await load(t, writeTinyBundle(t.testdir(), { isDynamic: true }));
  t.equal((await model.run(window)).outputs.latent_embeddings?.length, 64);
});

t.test('a lane that dies takes its calls with it, never the process; the next lane answers', async (t) => {
  const { source } = writeTinyBundle(t.testdir());
  const starts = [dyingThread, noThread, startCpuThread];
  const startWorker = (init: WorkerInit) => (starts.shift() ?? startCpuThread)(init);
  const backend = createCpuBackend({ lanes: 1, startWorker, log, restartDelayMs: () => 1 });
  t.teardown(() => backend.close());
  const model = await backend.load(source);
  const calls = [1, 2, 3, 4].map(() => model.run(window).catch((error: { code: string }) => error.code));
  t.same(await Promise.all(calls), new Array(4).fill('BACKEND_UNAVAILABLE'));
  t.match(backend.state(), { available: false, reason: /being started/ });
  await t.rejects(model.run(window), { code: 'BACKEND_UNAVAILABLE' });
  while (!backend.state().available) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal((await model.run(window)).backend, 'cpu');
  t.equal(starts.length, 0);
});

t.test('with one of two lanes gone, state and answers say so, and who wants to know is told', async (t) => {
  const { source } = writeTinyBundle(t.testdir());
  const starts = [startCpuThread, dyingThread, noThread];
  const startWorker = (init: WorkerInit) => (starts.shift() ?? startCpuThread)(init);
  const told: (string | null)[] = [];
  const onChange = () => void told.push(backend.state().degraded);
  const backend = createCpuBackend({
    lanes: 2,
    startWorker,
    log,
    onChange,
    restartDelayMs: (n) => (n === 0 ? 1 : 500),
  });
  t.teardown(() => backend.close());
  const model = await backend.load(source);
  const ends = await Promise.allSettled([1, 2, 3, 4].map(() => model.run(window)));
  t.ok(ends.some(({ status }) => status === 'rejected'));
  t.match((await model.run(window)).degraded, /^1 of 2 CPU inference threads/);
  t.match(backend.state(), { available: true, degraded: /^1 of 2/ });
  t.ok(told.some((reason) => reason !== null));
  while (backend.state().degraded !== null) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal((await model.run(window)).degraded, null);
  t.equal(told.at(-1), null);
});

t.test('a window that never ends does not keep a stop from ending', async (t) => {
  const { source } = writeTinyBundle(t.testdir());
  const backend = createCpuBackend({ lanes: 1, startWorker: () => silentThread(), log });
  const model = await backend.load(source);
  void model.run(window).catch(() => {});
  await backend.close();
  await t.rejects(model.run(window), { code: 'BACKEND_UNAVAILABLE' });
});

t.test('a thread whose native part does not load says so, and none is started in its place', async (t) => {
  const { source } = writeTinyBundle(t.testdir());
  let starts = 0;
  const startWorker = () => {
    starts += 1;
    return new Worker("throw new Error('libonnxruntime.so.1: no such file')", { eval: true });
  };
  const backend = createCpuBackend({ lanes: 1, startWorker, log, restartDelayMs: () => 0 });
  t.teardown(() => backend.close());
  await t.rejects(backend.load(source), { code: 'NATIVE_MISSING', message: /libonnxruntime/ });
  t.equal(starts, 1);
});

/** Not a real lane that is terminated: that could end this process, see crossing.ts. It dies at its first window. */
function dyingThread(): Worker {
  return scriptedThread("parentPort.on('message', () => process.exit(3));");
}

/** Takes windows and says nothing, but can be ended. */
function silentThread(): Worker {
  return scriptedThread("parentPort.on('message', (message) => message === 'close' && process.exit(0));");
}

function scriptedThread(script: string): Worker {
  const ready = {
    inputs: [{ name: 'imu_window', type: 'float32', shape: [1, 100, 9] }],
    outputs: [
      { name: 'latent_embeddings', type: 'float32', shape: [1, 64] },
      { name: 'motif_scores', type: 'float32', shape: [1, 12] },
    ],
  };
  const code = `const { parentPort } = require('node:worker_threads');
    ${script}
    parentPort.postMessage(${JSON.stringify({ ready })});`;
  return new Worker(code, { eval: true });
}

/** What a system that has no more threads does. */
function noThread(): Worker {
  throw new Error('no thread to give');
}

t.test('a backend that is closed while a model loads keeps no thread', async (t) => {
  const started: Worker[] = [];
  const startWorker = (init: WorkerInit) => {
    const worker = startCpuThread(init);
    started.push(worker);
    return worker;
  };
  const backend = createCpuBackend({ lanes: 2, startWorker, log });
  const loading = t.rejects(backend.load(writeTinyBundle(t.testdir()).source), { code: 'BACKEND_UNAVAILABLE' });
  await backend.close();
  await loading;
  t.same(
    started.map(({ threadId }) => threadId),
    [-1, -1],
  );
});

t.test('what contradicts the manifest is refused, and the message shows both sides', async (t) => {
  const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
  const refuse = async (bundle: ReturnType<typeof writeTinyBundle>, message: RegExp) =>
    t.rejects(backend.load(bundle.source), { code: 'MODEL_INVALID', message });
  await refuse(writeTinyBundle(t.testdir(), { inputName: 'x' }), /imu_window \[1,100,9\].*x \[1,100,9\]/);
  await refuse(writeTinyBundle(t.testdir(), { rows: 50 }), /\[1,100,9\].*\[1,50,9\]/);
  const noMotifs = writeTinyBundle(t.testdir(), { hasMotifs: false });
  const outputs = [...noMotifs.source.outputs, { name: 'motif_scores', shape: [1, 12] }];
  await refuse({ ...noMotifs, source: { ...noMotifs.source, outputs } }, /motif_scores \[1,12\]/);
});

t.test('bytes that are no model, or not the verified ones, are refused by name', async (t) => {
  const backend = createCpuBackend({ lanes: 2, startWorker: startCpuThread, log });
  const bundle = writeTinyBundle(t.testdir());
  const file = join(bundle.directory, 'model.onnx');
  writeFileSync(file, 'mock_onnx: true');
  await t.rejects(backend.load(bundle.source), { code: 'MODEL_INVALID', message: /model\.onnx has changed/ });
  const artefacts = [{ kind: 'onnx' as const, path: file, sha256: sha256('mock_onnx: true') }];
  await t.rejects(backend.load({ ...bundle.source, artefacts }), { code: 'MODEL_INVALID', message: /cannot load/ });
  await t.rejects(backend.load({ ...bundle.source, artefacts: [] }), { code: 'MODEL_INVALID', message: /no \.onnx/ });
  const gone = [{ kind: 'onnx' as const, path: `${file}.gone`, sha256: '' }];
  await t.rejects(backend.load({ ...bundle.source, artefacts: gone }), { code: 'MODEL_INVALID', message: /ENOENT/ });
});

t.test('a file can be asked what it takes and gives', async (t) => {
  t.match(await inspectOnnx(tinyOnnx({ isDynamic: true }), startCpuThread, log), {
    inputs: [{ name: 'imu_window', type: 'float32', shape: ['batch', 100, 9] }],
    outputs: [{ name: 'latent_embeddings' }, { name: 'motif_scores', shape: ['batch', 12] }],
  });
});

const skip = existsSync(SHARED) ? false : 'the published model is not beside the project';
t.test('the published 72 % model gives its golden latents, raw and normalised', { skip }, async (t) => {
  const directory = `${SHARED}models/tcn-vae-72pct/`;
  const golden = JSON.parse(readFileSync(`${directory}golden.json`, 'utf8'));
  const path = `${directory}tcn_encoder_for_edgeinfer.onnx`;
  const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
  t.teardown(() => backend.close());
  const model = await backend.load({
    id: 'tcn-vae@v72pct',
    input: { name: 'imu_window', shape: [1, 100, 9] },
    outputs: [{ name: 'latent_embeddings', shape: [1, 64] }],
    artefacts: [{ kind: 'onnx', path, sha256: golden.model.sha256 }],
  });
  const { mean, std } = golden.normalization;
  const worst: Record<string, number> = { raw: 0, zscore: 0 };
  for (const name of ['realistic', 'static', 'random']) {
    const { x } = JSON.parse(readFileSync(`${SHARED}samples/${name}_imu_sample.json`, 'utf8')) as { x: number[][] };
    const raw = Float32Array.from(x.flat());
    const zscore = raw.map((value, i) => Math.fround(value - Math.fround(mean[i % 9])) / Math.fround(std[i % 9]));
    for (const [kind, input] of Object.entries({ raw, zscore })) {
      const latent = (await model.run(input)).outputs.latent_embeddings!;
      const differences = latent.map((value, i) => Math.abs(value - golden.latents[name][kind][i]));
      worst[kind] = Math.max(worst[kind]!, ...differences);
    }
  }
  t.ok(worst.raw! <= 2e-4 && worst.zscore! <= 1e-5, JSON.stringify(worst));
});

t.test('a model that was closed says nothing of the backend any more', async (t) => {
  const { model, backend } = await load(t, writeTinyBundle(t.testdir()));
  await model.close();
  t.match(backend.state(), { available: true, degraded: null });
});

t.test('of two models one may lose its threads: the other answers, and the state says which', async (t) => {
  const { source, second } = writeTwo(t.testdir());
  const starts = [startCpuThread, dyingThread, noThread];
  const startWorker = (init: WorkerInit) => (starts.shift() ?? noThread)(init);
  const told: (string | null)[] = [];
  const onChange = () => void told.push(backend.state().degraded);
  const backend = createCpuBackend({ lanes: 1, startWorker, log, onChange, restartDelayMs: () => 1e6 });
  t.teardown(() => backend.close());
  const [one, two] = [await backend.load(source), await backend.load(second)];
  await t.rejects(two.run(window), { code: 'BACKEND_UNAVAILABLE' });
  t.match(await one.run(window), { backend: 'cpu', degraded: null });
  t.match(backend.state(), { available: true, reason: null, degraded: /^tiny@2: 1 of 1 CPU inference threads/ });
  t.match(told, [null, null, /^tiny@2/]);
  await two.close();
  t.match(backend.state(), { available: true, degraded: null });
});
