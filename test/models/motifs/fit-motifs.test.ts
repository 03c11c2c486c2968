import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createCpuBackend } from '../../../src/backends/cpu/backend.ts';
import { toYaml } from '../../../src/config/render.ts';
import type { Backend } from '../../../src/core/backend.ts';
import type { MotifHead } from '../../../src/core/manifest.ts';
import { type FitOptions, fitMotifs } from '../../../src/models/motifs/fit-motifs.ts';
import { fitPrototypes } from '../../../src/models/motifs/fit-prototypes.ts';
import { createRandom } from '../../../src/models/motifs/random.ts';
import { toSource } from '../../../src/models/open.ts';
import { readBundle, readYaml, startCpuThread, taskOf } from '../../../src/parts.ts';
import { ENCODE_DOOR } from '../../../src/tasks/tcn/door.ts';
import { explain } from '../../../src/tasks/tcn/explain.ts';
import { calibratedMotifs } from '../../../src/tasks/tcn/motifs.ts';
import { RANGES } from '../../../src/tasks/tcn/schema.ts';
import { parseWindow } from '../../../src/tasks/tcn/window.ts';
import { writeTinyBundle } from '../../fixtures/bundle.ts';
import { type TinyOnnx, tinyLatent } from '../../fixtures/tiny-onnx.ts';

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const cpu = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
t.teardown(() => cpu.close());
const task = taskOf({ task: 'tcn' });

/** The tiny model without a runtime: starting a thread for each of many refusals would take the longest. */
const arithmetic: Backend = {
  kind: 'cpu',
  state: () => ({ kind: 'cpu', available: true, reason: null, device: 'arithmetic', degraded: null }),
  load: async ({ id }) => ({
    id,
    capacity: 1,
    lanes: 1,
    run: async (input) => {
      const outputs = { latent_embeddings: Float32Array.from(tinyLatent(input)) };
      return { outputs, backend: 'cpu', degraded: null };
    },
    close: async () => {},
  }),
  close: async () => {},
};

async function* streamOf(text: string, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

const partsWith = (stdin: AsyncIterable<Uint8Array> = streamOf(''), backend = arithmetic) => ({
  backend,
  prepare: task.prepare,
  checkManifest: task.checkManifest,
  parseYaml: readYaml,
  toYaml,
  parseWindow: (json: Uint8Array) => parseWindow(json, ENCODE_DOOR, RANGES) ?? explain(json, ENCODE_DOOR, RANGES),
  stdin,
});

const MOTIONS = [
  [9, 0, 0, 0, 0, 0, 1, 0, 0],
  [0, 9, 0, 0, 2, 0, 0, 0, 0],
  [0, 0, 9, 0, 0, 3, 0, 0, 0],
  [-5, 0, -5, 4, 0, 0, 0, 0, 5],
];

/** A window of motion `motion`, a little of its own. */
function windowOf(motion: number, random = createRandom(99)): number[][] {
  const own = MOTIONS[motion]!.map((x) => x + 0.5 * (random.next() - 0.5));
  return Array.from({ length: 100 }, (_, i) => own.map((x) => Math.round(1e4 * (x + 0.1 * Math.sin(i))) / 1e4));
}

/** Motion 0 is recorded most often, then 1, and so on. */
function recording(
  each: readonly number[],
  toLine: (x: number[][], motion: number) => object = (x) => ({ x }),
): string {
  const random = createRandom(1);
  const motions = each.flatMap((count, motion) => new Array<number>(count).fill(motion));
  return motions.map((motion) => `${JSON.stringify(toLine(windowOf(motion, random), motion))}\n`).join('');
}

interface Place {
  readonly directory: string;
  readonly from: string;
  readonly options: FitOptions;
}

function place(t: Test, text: string, onnx: TinyOnnx = { hasMotifs: false }): Place {
  const directory = t.testdir();
  const { directory: from } = writeTinyBundle(join(directory, 'from'), onnx);
  writeFileSync(join(directory, 'windows.ndjson'), text);
  const options: FitOptions = {
    windows: join(directory, 'windows.ndjson'),
    out: join(directory, 'out'),
    k: 4,
    seed: 1,
    labels: null,
    name: null,
    version: null,
    replace: false,
  };
  return { directory, from, options };
}

const NAMES = ['still', 'walk', 'turn', 'fall'];

t.test('groups of alike windows become motifs, and a window like them is named so by what serves', async (t) => {
  const text = recording([40, 30, 20, 12]);
  const { from, options, directory } = place(t, text);
  const report = await fitMotifs(await readBundle(from), { ...options, labels: NAMES }, partsWith(undefined, cpu));
  t.match(report.fit, { kind: 'prototypes', warnings: [], tried: [] });
  t.same(
    report.fit.motifs.map(({ label, windows }) => [label, windows]),
    [
      ['still', 40],
      ['walk', 30],
      ['turn', 20],
      ['fall', 12],
    ],
  );
  const sha256 = createHash('sha256').update(text).digest('hex');
  t.equal(report.sha256, sha256);
  const { manifest, head } = await readBundle(options.out);
  t.match(manifest, {
    name: 'tiny',
    version: '1-motifs1',
    description: `A matrix. Its motif scores come from "model fit-motifs": spherical k-means with k 4, 102 windows of windows.ndjson (sha256 ${sha256.slice(0, 16)}), seed 1.`,
    outputs: { motif_scores: null },
    motifs: { labels: NAMES, head: { kind: 'prototypes', file: 'head.json', source: /silhouette 0\.9\d\d$/ } },
  });
  t.equal(head?.version, '1-motifs1');
  t.same(readdirSync(options.out).sort(), ['golden.json', 'head.json', 'manifest.yaml', 'model.onnx']);
  t.same(readdirSync(directory).sort(), ['from', 'out', 'windows.ndjson']);
  await namesMotions(t, options.out, 0.6);
});

/** What the daemon would serve for a fresh window of each motion. */
async function namesMotions(t: Test, directory: string, least: number): Promise<void> {
  const bundle = await readBundle(directory);
  const model = await cpu.load(toSource(bundle));
  const motifs = calibratedMotifs(bundle.manifest, bundle.head)!;
  const random = createRandom(2024);
  for (const motion of MOTIONS.keys()) {
    const raw = Float32Array.from(windowOf(motion, random).flat());
    const { outputs } = await model.run(task.prepare(bundle.manifest)(raw));
    const scores = motifs.score(outputs.latent_embeddings!, undefined);
    t.equal(scores.indexOf(Math.max(...scores)), motion, `${[...scores]}`);
    t.ok(Math.max(...scores) > least && scores.every((score) => score >= 0 && score <= 1));
  }
  await model.close();
}

t.test('labelled windows become a dense head, with its held-out accuracy', async (t) => {
  const labels = ['a still', 'b walk', 'c turn', 'd fall'];
  const { from, options } = place(
    t,
    recording([40, 30, 20, 10], (x, motion) => ({ label: labels[motion], imu_window: x })),
  );
  const report = await fitMotifs(await readBundle(from), { ...options, k: null }, partsWith(undefined, cpu));
  t.match(report.fit, { kind: 'dense', heldOut: 20, accuracy: 1, baseline: 0.4, warnings: [] });
  t.same(report.fit.motifs[3], { label: 'd fall', windows: 10, heldOut: 2, right: 2 });
  const { manifest } = await readBundle(options.out);
  t.match(manifest.motifs, {
    labels,
    head: {
      kind: 'dense',
      source: /softmax regression on 4 labelled classes, 100 windows .* held-out accuracy 1\.000 of 20 windows$/,
    },
  });
  await namesMotions(t, options.out, 0.6);
});

t.test('the same windows and seed give the same head to the byte, in any order, from a file or a stream', async (t) => {
  for (const labelled of [false, true]) {
    const text = recording([15, 14, 13, 12], (x, motion) => (labelled ? { x, label: NAMES[motion] } : { x }));
    const { from, options, directory } = place(t, text);
    const source = await readBundle(from);
    const k = labelled ? null : 4;
    const headOf = (out: string) => readFileSync(join(out, 'head.json'), 'utf8');
    await fitMotifs(source, { ...options, k }, partsWith());
    const again = { ...options, k, windows: '-', out: join(directory, 'again') };
    const reversed = `\n${text.trim().split('\n').reverse().join(' \r\n\n')}`;
    const report = await fitMotifs(source, again, partsWith(streamOf(reversed, 1000)));
    t.equal(report.windows, 54);
    t.equal(headOf(again.out), headOf(options.out));
    t.match(report.bundle.manifest.motifs.head, { source: /of standard input/ });
    const other = { ...options, k, out: join(directory, 'other'), seed: 2 };
    await fitMotifs(source, other, partsWith());
    t.match((await readBundle(other.out)).manifest.motifs.head, { source: /seed 2/ });
  }
});

t.test('--k auto takes the number of groups that are best set apart', async (t) => {
  const { from, options } = place(t, recording([20, 20, 20, 20]));
  const { fit } = await fitMotifs(await readBundle(from), { ...options, k: 'auto' }, partsWith());
  t.equal(fit.motifs.length, 4);
  t.same(fit.kind === 'prototypes' && fit.tried.map(({ k }) => k), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  t.match((await readBundle(options.out)).manifest.motifs, { labels: ['motif-1', 'motif-2', 'motif-3', 'motif-4'] });
});

t.test('names give their number; without any there are twelve', async (t) => {
  const { from, options } = place(t, recording([30, 30, 30, 30]));
  const source = await readBundle(from);
  const named = await fitMotifs(source, { ...options, k: null, labels: ['x', 'y'] }, partsWith());
  t.equal(named.fit.motifs.length, 2);
  const plain = await fitMotifs(source, { ...options, k: null, replace: true }, partsWith());
  t.equal(plain.fit.motifs.length, 12);
});

t.test('a fit that cannot be believed says so', async (t) => {
  const { from, options } = place(
    t,
    recording([60], (x) => ({ x })),
  );
  const { fit } = await fitMotifs(await readBundle(from), { ...options, k: 12 }, partsWith());
  t.match(fit.warnings, [
    /^60 windows are few for 12 motifs: record 120/,
    /^Fewer than 5 windows each are behind motif-/,
  ]);
});

t.test('groups in a cloud that has none hardly differ, and that is said', async (t) => {
  const random = createRandom(5);
  const cloud = Array.from({ length: 300 }, () => Float32Array.from({ length: 16 }, () => random.next() - 0.5));
  const { warnings } = fitPrototypes(cloud, { k: 4, seed: 1, labels: null });
  t.match(warnings, [/^These groups hardly differ: the silhouette is 0\.[01]\d, below 0\.25/]);
});

t.test('labels that mean nothing are found out', async (t) => {
  const { from, options } = place(t, '');
  const random = createRandom(8);
  writeFileSync(
    options.windows,
    recording([100], (x) => ({ x, label: random.next() < 0.7 ? 'heads' : 'tails' })),
  );
  const { fit } = await fitMotifs(await readBundle(from), { ...options, k: null }, partsWith());
  t.match(fit.warnings, [/^The head is hardly better than always naming the most frequent class/]);
  writeFileSync(
    options.windows,
    recording([1, 1], (x, motion) => ({ x, label: NAMES[motion] })),
  );
  const few = await fitMotifs(await readBundle(from), { ...options, k: null, replace: true }, partsWith());
  t.match(few.fit, {
    accuracy: null,
    warnings: [
      /^Fewer than 5 windows of a class teach and prove little: still \(1\), walk \(1\)/,
      /^No window could be held out/,
    ],
  });
  t.match(few.bundle.manifest.motifs.head, { source: /accuracy not measured$/ });
});

t.test('a window whose latent points nowhere is left out, and that is said', async (t) => {
  const nowhere = JSON.stringify({ x: new Array(100).fill(new Array(9).fill(0)) });
  const { from, options } = place(t, `${recording([20, 20])}${nowhere}\n`);
  const { fit } = await fitMotifs(await readBundle(from), { ...options, k: 2 }, partsWith());
  t.match(fit.warnings, [/^1 windows were left out/]);
});

t.test('version and name: the next number, or what was asked for', async (t) => {
  const { from, options, directory } = place(t, recording([20, 20]));
  const asked = { ...options, k: 2, name: 'other', version: 'v7' };
  await fitMotifs(await readBundle(from), asked, partsWith());
  t.match((await readBundle(options.out)).manifest, { name: 'other', version: 'v7' });
  const next = { ...options, k: 2, out: join(directory, 'next') };
  const first = await fitMotifs(await readBundle(from), next, partsWith());
  t.equal(first.bundle.manifest.version, '1-motifs1');
  const second = { ...next, out: join(directory, 'second') };
  const again = await fitMotifs(await readBundle(next.out), second, partsWith());
  t.equal(again.bundle.manifest.version, '1-motifs2', 'a head that was fitted may be fitted anew');
  t.equal(again.bundle.directory, second.out);
  t.same(readdirSync(second.out).sort(), ['golden.json', 'head.json', 'manifest.yaml', 'model.onnx']);
});

const good = JSON.stringify({ x: windowOf(0) });
const short = JSON.stringify({ x: windowOf(0).slice(1) });
const labelled = JSON.stringify({ x: windowOf(1), label: 'walk' });
const badInputs: readonly [what: string, text: string, message: RegExp][] = [
  ['nothing', '', /^windows\.ndjson has no windows/],
  ['blank lines', '\n \r\n\n', /^windows\.ndjson has no windows/],
  ['broken JSON', `${good}\n{"x": [[1,}\n`, /^windows\.ndjson, line 2: .*JSON decode error.*nothing was written\.$/],
  [
    'a missing row',
    `${good}\n\n${short}\n`,
    /^windows\.ndjson, line 3: .*Expected 100 timesteps, got 99\. Each line is/,
  ],
  ['no window', '{"label":"walk"}\n', /line 1: .*Field required/],
  ['a list', '[1,2]\n', /line 1: .*valid dictionary/],
  ['null', 'null\n', /line 1: .*Field required/],
  [
    'a value out of range',
    `${good}\n${JSON.stringify({ x: windowOf(0).map(() => new Array(9).fill(5000)) })}`,
    /line 2: .*out of range/,
  ],
  ['not UTF-8 in a label', 'LATIN', /line 1: .*UTF-8/],
  ['a label that is a number', `${good.slice(0, -1)},"label":7}\n`, /line 1: "label" is 7: it takes text/],
  ['an empty label', `${good.slice(0, -1)},"label":""}\n`, /line 1: "label" is "": it takes text/],
  ['a label of control characters', `${good.slice(0, -1)},"label":"a\\u0007"}\n`, /line 1: "label" is /],
  ['a label that is a list', `${good.slice(0, -1)},"label":["a"]}\n`, /line 1: "label" is a list or an object/],
  ['a label too few', `${labelled}\n${good}\n`, /some windows have a "label", but line 2 has none/],
  ['a label too many', `\n${good}\n${good}\n${labelled}\n`, /some windows have a "label", but line 2 has none/],
  ['one class', `${labelled}\n${labelled}\n`, /All windows are labelled "walk": scores need two classes/],
  [
    'the same window again and again',
    `${good}\n`.repeat(50),
    /4 motifs cannot be told apart: the 50 windows have only 1 latents/,
  ],
  ['two windows', `${good}\n${JSON.stringify({ x: windowOf(1) })}\n`, /have only 2 latents .* Give --k 2 or fewer/],
  ['a line without end', `{"x": ${'['.repeat((1 << 20) + 1)}`, /line 1 is longer than 1048576 bytes/],
];
for (const [what, text, message] of badInputs) {
  t.test(`${what}: refused by name, and nothing is written`, async (t) => {
    const bytes =
      text === 'LATIN'
        ? Buffer.concat([Buffer.from(good.slice(0, -1)), Buffer.from(',"label":"\xe9"}', 'latin1')])
        : text;
    const { from, options, directory } = place(t, '');
    writeFileSync(options.windows, bytes);
    const k = /label/.test(text) ? null : options.k;
    await t.rejects(fitMotifs(await readBundle(from), { ...options, k }, partsWith()), {
      code: 'INVALID_INPUT',
      message,
    });
    t.same(readdirSync(directory).sort(), ['from', 'windows.ndjson']);
  });
}

t.test('a byte order mark, a label of null and a last line without its end are no faults', async (t) => {
  const { from, options } = place(t, `\ufeff${recording([10, 10], (x) => ({ label: null, x })).trimEnd()}`);
  t.equal((await fitMotifs(await readBundle(from), { ...options, k: 2 }, partsWith())).windows, 20);
});

t.test('what cannot be done is refused before the first window is read', async (t) => {
  const { from, options, directory } = place(t, recording([10, 10]));
  const source = await readBundle(from);
  const refusals: readonly [change: Partial<FitOptions>, match: { code: string; message: RegExp }][] = [
    [{ windows: '/nowhere.ndjson' }, { code: 'INVALID_INPUT', message: /^nowhere\.ndjson cannot be read: ENOENT/ }],
    [{ windows: directory }, { code: 'INVALID_INPUT', message: /cannot be read: EISDIR/ }],
    [
      { out: from, replace: true },
      { code: 'USAGE', message: /is the bundle that the motifs are made from/ },
    ],
    [{ out: from }, { code: 'USAGE', message: /exists already/ }],
    [{ out: join(directory, 'no', 'where') }, { code: 'UNAVAILABLE', message: /cannot be written to .*ENOENT/ }],
    [{ name: 'My Model' }, { code: 'USAGE', message: /--name "My Model"/ }],
    [{ version: 'a b' }, { code: 'USAGE', message: /--bundle-version "a b"/ }],
  ];
  for (const [change, match] of refusals)
    await t.rejects(fitMotifs(source, { ...options, k: 2, ...change }, partsWith()), match);
  t.same(readdirSync(directory).sort(), ['from', 'windows.ndjson']);
});

t.test('options that the labels make meaningless are refused', async (t) => {
  const { from, options } = place(t, `${labelled}\n`);
  const source = await readBundle(from);
  await t.rejects(fitMotifs(source, options, partsWith()), { code: 'USAGE', message: /leave --k out/ });
  const named = { ...options, k: null, labels: ['a', 'b'] };
  await t.rejects(fitMotifs(source, named, partsWith()), { code: 'USAGE', message: /leave --labels out/ });
});

t.test('a model with scores of its own needs no head, and one without .onnx can give none', async (t) => {
  const { from, options } = place(t, good, {});
  const source = await readBundle(from);
  await t.rejects(fitMotifs(source, options, partsWith()), {
    code: 'MODEL_INVALID',
    message: /has motif scores of its own/,
  });
  const bare = {
    ...source,
    artefacts: [],
    manifest: { ...source.manifest, outputs: { ...source.manifest.outputs, motif_scores: null } },
  };
  await t.rejects(fitMotifs(bare, options, partsWith()), { code: 'MODEL_INVALID', message: /has no \.onnx file/ });
});

t.test('a model that fails its golden windows, or gives numbers that are none, teaches nothing', async (t) => {
  const { from, options } = place(t, good);
  const source = await readBundle(from);
  const golden = {
    ...source.golden,
    windows: source.golden.windows.map((one) => ({ ...one, latent: new Array(64).fill(1) })),
  };
  await t.rejects(fitMotifs({ ...source, golden }, options, partsWith()), {
    code: 'MODEL_INVALID',
    message: /golden window/,
  });
  const parseWindow = () => new Float32Array(900).fill(Number.NaN);
  await t.rejects(fitMotifs(source, options, { ...partsWith(), parseWindow }), {
    code: 'MODEL_INVALID',
    message: /no finite latent for the window of line 1/,
  });
  t.equal(existsSync(options.out), false);
});

t.test('--force replaces a bundle; one that fails leaves the old', async (t) => {
  const { from, options } = place(t, recording([10, 10]));
  const source = await readBundle(from);
  await fitMotifs(source, { ...options, k: 2 }, partsWith());
  const before = readFileSync(join(options.out, 'manifest.yaml'), 'utf8');
  const failing = { ...partsWith(), checkManifest: () => ['It has a fault.'] };
  const again = { ...options, k: 3, replace: true };
  await t.rejects(fitMotifs(source, again, failing), { code: 'MODEL_INVALID', message: /It has a fault/ });
  t.equal(readFileSync(join(options.out, 'manifest.yaml'), 'utf8'), before);
  await fitMotifs(source, again, partsWith());
  t.equal((await readBundle(options.out)).manifest.motifs.labels.length, 3);
  const other = join(options.out, '..', 'thesis');
  mkdirSync(other);
  await t.rejects(fitMotifs(source, { ...again, out: other }, partsWith()), {
    code: 'USAGE',
    message: /no model bundle/,
  });
});

t.test('an artefact that is called head.json keeps its name', async (t) => {
  const { from, options } = place(t, recording([10, 10]));
  const manifest = JSON.parse(readFileSync(join(from, 'manifest.yaml'), 'utf8'));
  writeFileSync(join(from, 'head.json'), readFileSync(join(from, 'golden.json')));
  writeFileSync(join(from, 'manifest.yaml'), JSON.stringify({ ...manifest, golden: 'head.json' }));
  await fitMotifs(await readBundle(from), { ...options, k: 2 }, partsWith());
  t.match((await readBundle(options.out)).manifest.motifs.head, { file: 'motif-head.json' });
});

t.test('the head that is written is the one that was reported', async (t) => {
  const { from, options } = place(t, recording([10, 10]));
  const counts: number[] = [];
  const { fit } = await fitMotifs(
    await readBundle(from),
    { ...options, k: 2 },
    { ...partsWith(), onWindows: (n) => counts.push(n) },
  );
  t.same((await readBundle(options.out)).head, { ...fit.head, version: '1-motifs1' } as MotifHead);
  t.equal(counts.at(-1), 20);
});
