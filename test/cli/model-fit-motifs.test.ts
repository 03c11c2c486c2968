import t, { type Test } from 'tap';
import { createIo } from '../../src/cli/io.ts';
import { FIT_MOTIFS_HELP, type FitMotifsDeps, fitMotifsCommand } from '../../src/cli/model-fit-motifs.ts';
import { SidecarError } from '../../src/core/errors.ts';
import { fitClasses } from '../../src/models/motifs/fit-classes.ts';
import type { FitOptions, FitReport } from '../../src/models/motifs/fit-motifs.ts';
import { fitPrototypes } from '../../src/models/motifs/fit-prototypes.ts';
import { createRandom } from '../../src/models/motifs/random.ts';
import { readBundle } from '../../src/parts.ts';
import { writeTinyBundle } from '../fixtures/bundle.ts';

const random = createRandom(3);
const latentsOf = (group: number) =>
  Array.from({ length: 20 }, () =>
    Float32Array.from({ length: 64 }, (_, j) => (j === group ? 1 : 0.05 * random.next())),
  );
const LATENTS = [...latentsOf(0), ...latentsOf(1)];
const PROTOTYPES = fitPrototypes(LATENTS, { k: 2, seed: 1, labels: null });
const AUTO = fitPrototypes(LATENTS, { k: 'auto', seed: 1, labels: null });
const CLASSES = fitClasses(
  LATENTS.map((latent, i) => ({ latent, label: i < 20 ? 'sit' : 'walk' })),
  1,
);

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  readonly asked: readonly [from: string | null, options: FitOptions][];
}

async function run(t: Test, argv: string[], fit: FitReport['fit'] = PROTOTYPES, isTTY = false): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const asked: [string | null, FitOptions][] = [];
  const { directory } = writeTinyBundle(t.testdir(), { hasMotifs: false });
  let from: string | null = null;
  const deps: FitMotifsDeps = {
    load: (name) => {
      from = name;
      return readBundle(directory);
    },
    fit: async (bundle, options, progress) => {
      asked.push([from, options]);
      for (let count = 1; count <= 10_000; count++) progress.onWindows?.(count);
      progress.onFit?.(10_000);
      const head = { kind: fit.head.kind, file: 'head.json', source: 'model fit-motifs: here' };
      const manifest = { ...bundle.manifest, version: '1-motifs1', motifs: { labels: [...fit.head.labels], head } };
      return { bundle: { ...bundle, manifest, directory: 'out' }, windows: 40, sha256: 'ab', seed: options.seed, fit };
    },
  };
  const stdout = { isTTY, write: (text: string) => out.push(text) };
  const io = createIo(stdout, { write: (text: string) => err.push(text) }, { NO_COLOR: '1' });
  const status = await fitMotifsCommand(argv, io, deps);
  return { status, out: out.join(''), err: err.join(''), asked };
}

const NEEDED = ['--windows', 'w.ndjson', '--out', 'out'];

t.test('what was asked is handed on; what was not has its default', async (t) => {
  const plain = await run(t, NEEDED);
  const defaults = { windows: 'w.ndjson', out: 'out', k: null, seed: 1, labels: null, name: null, version: null };
  t.same(plain.asked, [[null, { ...defaults, replace: false }]]);
  const argv = [
    '--from',
    'tiny@1',
    '--labels',
    'a, b',
    '--seed',
    '7',
    '--name',
    'n',
    '--bundle-version',
    'v',
    '--force',
  ];
  const full = await run(t, [...NEEDED, ...argv, '--k', '2']);
  const asked = { ...defaults, k: 2, seed: 7, labels: ['a', 'b'], name: 'n', version: 'v', replace: true };
  t.same(full.asked, [['tiny@1', asked]]);
  t.match((await run(t, [...NEEDED, '--k', 'auto'])).asked, [[null, { k: 'auto' }]]);
});

t.test('groups are shown with their sizes and silhouettes, and how to serve them', async (t) => {
  const { status, out, err } = await run(t, NEEDED);
  t.equal(status, 0);
  t.equal(err, '');
  t.match(
    out,
    /^✓ tiny@1-motifs1 in out, 2 motifs from 40 windows\n {2}motif +windows +silhouette\n {2}motif-1 +20 +0\.9\d\d\n/,
  );
  t.match(out, /\n {2}silhouette 0\.9\d\d by cosine distance/);
  t.match(out, /\n {2}temperature 0\.\d+: half of the windows have a top score above 0\.80\n/);
  t.match(out, /MODEL_BUNDLE=out hailo-tcn-sidecar serve\n$/);
  t.match((await run(t, NEEDED, AUTO)).out, /silhouette by k: 2: 0\.9\d\d, 3: 0\.\d\d\d/);
});

t.test('classes are shown with what was held out, and what that is worth', async (t) => {
  const { out } = await run(t, NEEDED, CLASSES);
  t.match(out, /class +windows +held out, named rightly\n {2}sit +20 +4 of 4\n {2}walk +20 +4 of 4\n/);
  t.match(out, /100\.0 % of 8 held-out windows named rightly; always naming the most frequent class: 50\.0 %/);
  t.match(out, /expect less of people, sensors and places that are not in the file/);
  const unknown = await run(t, NEEDED, { ...CLASSES, accuracy: null, baseline: null, heldOut: 0 });
  t.notMatch(unknown.out, /held-out windows/);
});

t.test('warnings go where errors go', async (t) => {
  const { err, out } = await run(t, NEEDED, { ...PROTOTYPES, warnings: ['These groups hardly differ.'] });
  t.equal(err, 'warning: These groups hardly differ.\n');
  t.notMatch(out, /hardly/);
});

t.test('--json has every figure, and no head', async (t) => {
  const { out } = await run(t, [...NEEDED, '--json']);
  const facts = JSON.parse(out);
  t.match(facts, {
    ok: true,
    directory: 'out',
    name: 'tiny',
    version: '1-motifs1',
    windows: 40,
    sha256: 'ab',
    seed: 1,
    kind: 'prototypes',
    motifs: [{ label: 'motif-1', windows: 20 }, { label: 'motif-2' }],
    temperature: PROTOTYPES.kind === 'prototypes' ? PROTOTYPES.head.temperature : 0,
    warnings: [],
    source: 'model fit-motifs: here',
  });
  t.notOk('head' in facts);
  t.match(JSON.parse((await run(t, [...NEEDED, '--json'], CLASSES)).out), { kind: 'dense', accuracy: 1, heldOut: 8 });
});

t.test('a terminal sees that something is going on', async (t) => {
  const { err } = await run(t, NEEDED, PROTOTYPES, true);
  t.equal(
    err,
    'Computing the latents of the windows …\n  5000 windows\n  10000 windows\nFitting motifs to 10000 latents …\n',
  );
});

t.test('wrong use is told, with the way to the help', async (t) => {
  const cases: readonly [argv: string[], message: RegExp][] = [
    [['--out', 'o'], /--windows is needed\. See/],
    [['--windows', 'w'], /--out is needed\. See/],
    [[...NEEDED, '--k', '1'], /--k takes a whole number from 2 to 256 or "auto", not "1"/],
    [[...NEEDED, '--k', 'many'], /--k takes .*"many"/],
    [[...NEEDED, '--seed', '-1'], /--seed/],
    [[...NEEDED, '--seed', '4294967296'], /--seed takes a whole number from 0 to 4294967295/],
    [[...NEEDED, '--labels', 'a,,b'], /--labels cannot have the name "": it takes text/],
    [[...NEEDED, '--labels', 'a,b,a'], /--labels has "a" twice/],
    [[...NEEDED, '--labels', 'a'], /--labels takes 2 to 256 names .*not 1/],
    [[...NEEDED, '--labels', 'a,b', '--k', '3'], /--labels has 2 names, but --k is 3/],
    [[...NEEDED, '--labels', 'a,b', '--k', 'auto'], /with --k auto nobody knows/],
    [[...NEEDED, '--window', 'w'], /Unknown option --window\. Did you mean/],
    [[...NEEDED, 'more'], /unexpected argument "more"/],
  ];
  for (const [argv, message] of cases) await t.rejects(run(t, argv), { code: 'USAGE', message });
  t.match(await run(t, ['--help']), {
    status: 0,
    out: `Usage: hailo-tcn-sidecar model COMMAND [OPTIONS]\n\n${FIT_MOTIFS_HELP}\n`,
  });
});

t.test('what the fit refuses is not caught here', async (t) => {
  const io = createIo({ write: () => {} }, { write: () => {} }, {});
  const deps: FitMotifsDeps = {
    load: () => Promise.reject(new SidecarError('MODEL_MISSING', 'There is no model.')),
    fit: () => Promise.reject(new Error('not expected')),
  };
  await t.rejects(fitMotifsCommand(NEEDED, io, deps), { code: 'MODEL_MISSING' });
});
