import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createCpuBackend, inspectOnnx } from '../../src/backends/cpu/backend.ts';
import { toYaml } from '../../src/config/render.ts';
import { type CreateOptions, createBundle } from '../../src/models/create.ts';
import { checkGolden } from '../../src/models/golden.ts';
import { openModel, toSource } from '../../src/models/open.ts';
import { readBundle, readYaml, startCpuThread, taskOf } from '../../src/parts.ts';
import { type TinyOnnx, tinyOnnx } from '../fixtures/tiny-onnx.ts';

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
const task = taskOf({ task: 'tcn' });
const parts = {
  backend,
  inspect: (onnx: Uint8Array) => inspectOnnx(onnx, startCpuThread, log),
  prepare: task.prepare,
  checkManifest: task.checkManifest,
  parseYaml: readYaml,
  toYaml,
};
const CONFIG = {
  export_info: { model_accuracy: '72.13%', export_version: '1.0.0' },
  normalization: { method: 'z_score_per_channel', mean: new Array(9).fill(0.5), std: new Array(9).fill(2) },
};

function inputs(t: Test, onnx: TinyOnnx, config: object = CONFIG): CreateOptions {
  const directory = t.testdir();
  writeFileSync(join(directory, 'in.onnx'), tinyOnnx(onnx));
  writeFileSync(join(directory, 'model_config.json'), JSON.stringify(config));
  return {
    onnx: join(directory, 'in.onnx'),
    config: join(directory, 'model_config.json'),
    hef: null,
    motifs: null,
    out: join(directory, 'out'),
    name: null,
    version: null,
    replace: false,
  };
}

t.test('a bundle is made that serves: its own golden windows pass', async (t) => {
  const options = inputs(t, {});
  await createBundle(options, parts);
  const bundle = await readBundle(options.out);
  t.match(bundle.manifest, {
    name: 'tcn-vae',
    version: '1.0.0',
    accuracy: { value: 0.7213, source: /not verified here/ },
    normalisation: { source: /model_config\.json/ },
    motifs: { head: 'output' },
  });
  const { manifest, golden } = bundle;
  const model = await backend.load(toSource(bundle));
  t.match(await checkGolden({ model, manifest, golden, prepare: task.prepare(manifest) }), { windows: 4, maxAbs: 0 });
  await model.close();
  t.same(readdirSync(join(options.out, '..')).sort(), ['in.onnx', 'model_config.json', 'out']);
});

t.test('a model without scores takes them from a head', async (t) => {
  const options = inputs(t, { hasMotifs: false });
  const motifs = join(options.out, '..', 'head.json');
  const head = {
    format: 1,
    kind: 'prototypes',
    version: '3',
    labels: ['a', 'b'],
    temperature: 1,
    prototypes: [new Array(64).fill(1), new Array(64).fill(2)],
  };
  writeFileSync(motifs, JSON.stringify(head));
  const { manifest } = await createBundle({ ...options, motifs }, parts);
  t.match(manifest.motifs, {
    labels: ['a', 'b'],
    head: { kind: 'prototypes', file: 'head.json', source: 'head.json, version 3' },
  });
  t.match((await readBundle(options.out)).head, { version: '3' });
});

t.test('an existing directory is kept unless its replacement is asked for', async (t) => {
  const options = inputs(t, {});
  await createBundle(options, parts);
  await t.rejects(createBundle(options, parts), { code: 'USAGE', message: /--force/ });
  const { manifest } = await createBundle({ ...options, replace: true, name: 'other', version: '9' }, parts);
  t.equal(`${manifest.name}@${manifest.version}`, 'other@9');
  t.equal((await readBundle(options.out)).manifest.name, 'other');
  t.same(readdirSync(join(options.out, '..')).sort(), ['in.onnx', 'model_config.json', 'out']);
});

t.test("--force replaces a bundle only, never somebody's directory", async (t) => {
  const options = { ...inputs(t, {}), replace: true };
  mkdirSync(options.out);
  writeFileSync(join(options.out, 'thesis.tex'), 'years of work');
  await t.rejects(createBundle(options, parts), { code: 'USAGE', message: /out is no model bundle/ });
  t.same(readdirSync(options.out), ['thesis.tex']);
});

t.test('a replacement that fails leaves the old bundle as it was', async (t) => {
  const options = inputs(t, {});
  await createBundle(options, parts);
  writeFileSync(options.onnx, 'no model');
  await t.rejects(createBundle({ ...options, replace: true }, parts), { code: 'MODEL_INVALID' });
  t.equal((await readBundle(options.out)).manifest.name, 'tcn-vae');
});

t.test('the answer names the files where they are, not where they were made', async (t) => {
  const { directory, artefacts } = await createBundle(inputs(t, {}), parts);
  t.same(
    artefacts.map(({ path }) => path),
    [join(directory, 'model.onnx')],
  );
});

t.test('a name that no manifest can have is refused before anything runs', async (t) => {
  const options = inputs(t, {});
  await t.rejects(createBundle({ ...options, name: 'My Model' }, parts), {
    code: 'USAGE',
    message: /--name "My Model"/,
  });
  await t.rejects(createBundle({ ...options, version: '' }, parts), { code: 'USAGE', message: /--bundle-version ""/ });
});

t.test('a model that gives numbers that are none makes no bundle', async (t) => {
  const options = inputs(t, { gain: Number.POSITIVE_INFINITY });
  await t.rejects(createBundle(options, parts), { code: 'MODEL_INVALID', message: /latent_embeddings for the window/ });
  t.equal(existsSync(options.out), false);
});

const bad: readonly [what: string, onnx: TinyOnnx, config: object, message: RegExp][] = [
  ['a graph for other windows', { rows: 50 }, CONFIG, /cannot be served/],
  ['a config without normalisation', {}, {}, /model_config\.json.*normalization/],
  ['another normalisation', {}, { normalization: { ...CONFIG.normalization, method: 'min_max' } }, /min_max/],
];
for (const [what, onnx, config, message] of bad) {
  t.test(`${what} is refused, and nothing is left behind`, async (t) => {
    const options = inputs(t, onnx, config);
    await t.rejects(createBundle(options, parts), { code: 'MODEL_INVALID', message });
    t.equal(existsSync(options.out), false);
    t.equal(readdirSync(join(options.out, '..')).length, 2);
  });
}

t.test('files that are no model, or not there, are named', async (t) => {
  const options = inputs(t, {});
  await t.rejects(createBundle({ ...options, onnx: options.config }, parts), {
    code: 'MODEL_INVALID',
    message: /cannot load/,
  });
  await t.rejects(createBundle({ ...options, onnx: '/nowhere.onnx' }, parts), {
    code: 'MODEL_INVALID',
    message: /nowhere\.onnx/,
  });
  await t.rejects(createBundle({ ...options, hef: options.config }, parts), {
    code: 'MODEL_INVALID',
    message: /model_config\.json is not a sound Hailo executable/,
  });
});

const SHARED = new URL('../../../shared/models/tcn-vae-72pct/', import.meta.url).pathname;
const skip = existsSync(SHARED) ? false : 'the published model is not beside the project';
t.test('the published 72 % model becomes a bundle, and its golden windows pass', { skip }, async (t) => {
  const onnx = join(SHARED, 'tcn_encoder_for_edgeinfer.onnx');
  const options = { ...inputs(t, {}), onnx, config: join(SHARED, 'model_config.json') };
  const bundle = await createBundle(options, parts);
  t.match(bundle.manifest, { outputs: { motif_scores: null }, motifs: { head: null }, accuracy: { value: 0.7213 } });
  const opened = await openModel({
    bundle: await readBundle(options.out),
    backend,
    prepare: task.prepare(bundle.manifest),
    clock: () => performance.now(),
    maxQueueSize: () => 4,
  });
  t.match(opened.figures, { windows: 4, maxAbs: 0 });
  await opened.close();
});

t.test('an accuracy that is not stated is not known', async (t) => {
  const options = inputs(t, {}, { normalization: CONFIG.normalization });
  t.equal((await createBundle(options, parts)).manifest.accuracy, null);
});
