import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Manifest } from '../../src/core/manifest.ts';
import { artefactOf, loadBundle } from '../../src/models/bundle.ts';
import { readYaml } from '../../src/parts.ts';
import { sha256, writeTinyBundle } from '../fixtures/bundle.ts';
import { makeHef } from '../fixtures/hef.ts';

const load = (directory: string, hefPath: string | null = null) =>
  loadBundle(directory, { parseYaml: readYaml, hefPath });
const HEF = await makeHef(2, Buffer.from('proto'), Buffer.from('weights'));

t.test('a bundle is read whole, its digests verified', async (t) => {
  const { directory, manifest } = writeTinyBundle(t.testdir());
  const bundle = await load(directory);
  t.same(bundle.manifest, manifest);
  t.match(artefactOf(bundle, 'onnx'), { path: join(directory, 'model.onnx'), sha256: manifest.artefacts[0]?.sha256 });
  t.equal(artefactOf(bundle, 'hef'), null);
  t.equal(bundle.golden.windows.length, 1);
});

t.test('a bundle that is not there is named, with the remedy', async (t) => {
  await t.rejects(load('/nowhere/at/all'), { code: 'MODEL_MISSING', message: /\/nowhere\/at\/all.*MODEL_BUNDLE/ });
  await t.rejects(load('TCN-VAE@1'), { code: 'MODEL_MISSING', message: /nor a model of the store.*model list/ });
});

t.test('one flipped byte is found, and the file is named', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const file = join(directory, 'model.onnx');
  writeFileSync(file, 'other bytes');
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: new RegExp(`${file} is not the file.*sha256`) });
  rmSync(file);
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: /model\.onnx cannot be read.*ENOENT/ });
});

const spoiled: readonly [what: string, change: object, message: RegExp][] = [
  ['a missing key', { name: undefined }, /manifest\.yaml: .*name/],
  ['an unknown key', { colour: 'red' }, /colour/],
  ['a path in a file name', { golden: '../golden.json' }, /golden/],
  ['a digest that is none', { artefacts: [{ file: 'model.onnx', kind: 'onnx', sha256: 'x' }] }, /artefacts\.0\.sha256/],
  [
    'scores that nobody gives',
    { outputs: { latent: { name: 'l', shape: [1, 64] }, motif_scores: null } },
    /outputs\.motif_scores is null/,
  ],
  ['labels for other scores', { motifs: { labels: ['a'], head: 'output' } }, /1 names for 12 scores/],
  [
    'a std of zero',
    { normalisation: { method: 'z_score_per_channel', mean: [0], std: [0], source: '' } },
    /normalisation\.std\.0/,
  ],
];

for (const [what, change, message] of spoiled) {
  t.test(`the manifest is refused for ${what}, which is named`, async (t) => {
    const { directory } = writeTinyBundle(t.testdir(), {}, change as Partial<Manifest>);
    await t.rejects(load(directory), { code: 'MODEL_INVALID', message });
  });
}

t.test('a manifest that is no YAML is refused with its line', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  writeFileSync(join(directory, 'manifest.yaml'), 'name: [\n');
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: /manifest\.yaml.*:\d+:\d+/ });
});

t.test('a link inside the bundle is followed, one that leads out of it is refused', async (t) => {
  const root = t.testdir({ elsewhere: {} });
  const { directory } = writeTinyBundle(join(root, 'bundle'));
  const file = join(directory, 'model.onnx');
  renameSync(file, join(directory, 'real.onnx'));
  symlinkSync('real.onnx', file);
  t.equal((await load(directory)).artefacts.length, 1);
  renameSync(join(directory, 'real.onnx'), join(root, 'elsewhere/real.onnx'));
  rmSync(file);
  symlinkSync('../elsewhere/real.onnx', file);
  await t.rejects(load(directory), {
    code: 'MODEL_INVALID',
    message: /model\.onnx is a link to .*outside of the bundle/,
  });
});

t.test('a bundle may itself be reached through a link', async (t) => {
  const root = t.testdir();
  const { directory } = writeTinyBundle(join(root, 'bundle'));
  symlinkSync(directory, join(root, 'current'));
  t.equal((await load(join(root, 'current'))).manifest.name, 'tiny');
});

t.test('a pipe or a directory in place of a file is refused, not waited for', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const file = join(directory, 'model.onnx');
  rmSync(file);
  execFileSync('mkfifo', [file]);
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: /model\.onnx.*no regular file/ });
  rmSync(file);
  mkdirSync(file);
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: /model\.onnx.*no regular file/ });
});

t.test('golden windows of another size than the model are refused, and the window is named', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const { golden } = await load(directory);
  const [window] = golden.windows;
  const refuse = async (change: object, message: RegExp) => {
    writeFileSync(join(directory, 'golden.json'), JSON.stringify({ ...golden, windows: [{ ...window, ...change }] }));
    await t.rejects(load(directory), { code: 'MODEL_INVALID', message });
  };
  await refuse({ x: window?.x.slice(1) }, /x of "sine" has 891 numbers, the manifest says 900/);
  await refuse({ latent: [1, 2] }, /latent of "sine" has 2 numbers, the manifest says 64/);
  await refuse({ motif_scores: [1] }, /motif_scores of "sine" has 1 numbers, the manifest says 12/);
});

t.test('golden windows that are no JSON are refused', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  writeFileSync(join(directory, 'golden.json'), '{');
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: /golden\.json is not JSON/ });
});

function withHef(directory: string, hef: Buffer | string, sha = sha256(hef)) {
  const { manifest } = writeTinyBundle(directory);
  writeFileSync(join(directory, 'model.hef'), hef);
  const artefacts = [...manifest.artefacts, { file: 'model.hef', kind: 'hef', sha256: sha }];
  writeFileSync(join(directory, 'manifest.yaml'), JSON.stringify({ ...manifest, artefacts }));
}

t.test('a .hef that is text is refused by name, as those that circulated were', async (t) => {
  const directory = t.testdir();
  withHef(directory, '{"mock_hef": true}');
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: /model\.hef is not a sound Hailo executable/ });
});

t.test('a .hef from elsewhere must be the one that the manifest describes', async (t) => {
  const directory = t.testdir({ elsewhere: { 'a.hef': HEF, 'b.hef': await makeHef(1, Buffer.from('another')) } });
  withHef(directory, HEF);
  const other = join(directory, 'elsewhere/a.hef');
  t.equal(artefactOf(await load(directory, other), 'hef')?.path, other);
  await t.rejects(load(directory, join(directory, 'elsewhere/b.hef')), {
    code: 'MODEL_INVALID',
    message: /b\.hef.*sha256/,
  });
});

t.test('a .hef from elsewhere for a bundle that describes none is refused, not ignored', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  await t.rejects(load(directory, '/lib/a.hef'), { code: 'MODEL_INVALID', message: /HEF_PATH\) names \/lib\/a\.hef/ });
});

const head = (change: object = {}) => ({
  format: 1,
  kind: 'prototypes',
  version: '1',
  labels: [],
  temperature: 0.1,
  prototypes: [new Array(64).fill(1), new Array(64).fill(-1)],
  ...change,
});

function withHead(directory: string, file: object, reference: object = {}) {
  const motifs = { labels: [], head: { kind: 'prototypes', file: 'head.json', source: 'k-means', ...reference } };
  const bundle = writeTinyBundle(directory, { hasMotifs: false }, { motifs } as Partial<Manifest>);
  writeFileSync(join(directory, 'head.json'), JSON.stringify(file));
  return bundle.directory;
}

t.test('a motif head is read with the bundle', async (t) => {
  t.match((await load(withHead(t.testdir(), head()))).head, { kind: 'prototypes', temperature: 0.1 });
});

t.test('the names in the manifest are as many as the motifs of its head', async (t) => {
  const directory = withHead(t.testdir(), head());
  const manifest = JSON.parse(readFileSync(join(directory, 'manifest.yaml'), 'utf8'));
  manifest.motifs.labels = ['a', 'b', 'c'];
  writeFileSync(join(directory, 'manifest.yaml'), JSON.stringify(manifest));
  await t.rejects(load(directory), { code: 'MODEL_INVALID', message: /2 scores, the manifest has 3 labels/ });
});

t.test('a motif head of other sizes, or with another digest, is refused', async (t) => {
  const refuse = (file: object, message: RegExp, reference = {}) =>
    t.rejects(load(withHead(t.testdir(), file, reference)), { code: 'MODEL_INVALID', message });
  await refuse(head({ prototypes: [[1, 2]] }), /Row 0 has 2 numbers, the latent has 64/);
  await refuse(head({ labels: ['only one'] }), /1 labels for 2 rows/);
  await refuse(head(), /of kind prototypes, the manifest says dense/, { kind: 'dense' });
  await refuse(head(), /head\.json is not the file/, { sha256: '0'.repeat(64) });
  const dense = {
    format: 1,
    kind: 'dense',
    version: '1',
    labels: [],
    activation: 'softmax',
    weights: [new Array(64).fill(0)],
    bias: [1, 2],
  };
  await refuse(dense, /2 biases for 1 rows/, { kind: 'dense' });
});
