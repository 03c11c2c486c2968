import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readBundle } from '../src/parts.ts';
import { bundledModelDirectory } from '../src/system/bundled-model.ts';
import { BASE, POISON, STUCK, startBox, until } from './fakes/box.ts';
import { restWindow } from './fakes/daemon.ts';
import { askModelCommand } from './fakes/model-command.ts';
import { writeTinyBundle } from './fixtures/bundle.ts';

t.test('a model that fails a gate is not let in, and the old one serves on', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  const bad = writeTinyBundle(join(directory, 'bad'), {}, { version: 'bad' }).directory;
  await box.model('install', bad);
  const installed = join(box.store, 'tiny', 'bad', 'model.onnx');
  const bytes = readFileSync(installed);
  bytes[bytes.length - 200]! ^= 1;
  writeFileSync(installed, bytes);
  t.match(await box.model('activate', 'tiny@bad'), {
    ok: false,
    error: { code: 'MODEL_REFUSED', message: /tiny@bad was not activated, imu-motif-tcn@.* serves on/ },
    gates: [{ name: 'golden windows', ok: false, text: /model\.onnx/ }],
    active: 'packaged',
  });
  t.match(await box.model('activate', 'tiny@none'), { ok: false, error: { message: /tiny@none/ } });
  t.match(await box.infer(), { status: 200, model: /^imu-motif-tcn@/ });
});

t.test('a constant model passes its golden windows, but not the gate', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  const { directory: dull } = writeTinyBundle(join(directory, 'dull'), { gain: 0 }, { version: 'dull' });
  const golden = JSON.parse(readFileSync(join(dull, 'golden.json'), 'utf8'));
  golden.windows.push({ ...golden.windows[0], name: 'rest', x: restWindow() });
  writeFileSync(join(dull, 'golden.json'), JSON.stringify(golden));
  t.match(await box.model('install', dull), { ok: true });
  t.match(await box.model('activate', 'tiny@dull'), {
    ok: false,
    gates: [{ ok: true }, {}, { name: 'outputs', ok: false, text: /ignores its input/ }],
  });
});

t.test('a model that fails in the field is taken back by itself, and why is remembered', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  const { directory: hot } = writeTinyBundle(join(directory, 'hot'), { gain: 5e35 }, { version: 'hot' });
  const golden = JSON.parse(readFileSync(join(hot, 'golden.json'), 'utf8'));
  golden.tolerance.abs = 1e38; // right for what was seen so far, overflows when a sensor hangs at its stop
  writeFileSync(join(hot, 'golden.json'), JSON.stringify(golden));
  await box.model('install', hot);
  const activated = await box.model('activate', 'tiny@hot');
  t.match(activated, { ok: true, serves: 'tiny@hot' }, JSON.stringify(activated));
  t.match(await box.infer(), { status: 200, model: 'tiny@hot' });
  await until(async () => (await box.post(STUCK)).headers.get('x-model')?.startsWith('imu-motif-tcn@') ?? false);
  await until(async () => (await box.model('list')).active === 'packaged');
  t.ok(box.said.some((line) => /serves again, in the place of tiny@hot/.test(line)));
  t.match(await box.model('list'), { active: 'packaged', refused: [{ ref: 'tiny@hot', why: /not finite/ }] });
});

t.test('a window that no model can answer is not held against the new one', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  await box.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  await box.model('activate', 'tiny@1');
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async () => (await box.post(POISON, '?normalized=true')).status),
  );
  t.ok(statuses.every((status) => status === 500));
  const { answered, errors } = box.daemon.state.seats.active.vitals.figures();
  t.same({ answered, errors }, { answered: 0, errors: 0 });
});

t.test('a daemon that died while a model was on probation comes back with the one before', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const first = await startBox(t, 'probation_s: 300', store);
  await first.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  await first.model('activate', 'tiny@1');
  const died = join(directory, 'died');
  cpSync(store, died, { recursive: true, verbatimSymlinks: true }); // what a daemon leaves that has no time to say goodbye
  const second = await startBox(t, 'probation_s: 300', died);
  t.match(await second.infer(), { model: /^imu-motif-tcn@/ });
  t.ok(second.said.some((line) => /tiny@1 was taken back, packaged serves instead: The daemon died/.test(line)));
  t.match(await second.model('list'), { active: 'packaged', refused: [{ ref: 'tiny@1', why: /died/ }] });
});

t.test('an active model that cannot be loaded gives way, also to a rollback while nothing runs', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const first = await startBox(t, 'probation_s: 0', store);
  for (const version of ['1', '2']) {
    await first.model('install', writeTinyBundle(join(directory, version), {}, { version }).directory);
    await first.model('activate', `tiny@${version}`);
  }
  await first.stop();
  rmSync(join(store, 'tiny', '2', 'model.onnx'));
  const copy = join(directory, 'copy');
  cpSync(store, copy, { recursive: true, verbatimSymlinks: true });
  const second = await startBox(t, 'probation_s: 0', store);
  t.match(await second.infer(), { model: 'tiny@1' });
  t.match(await second.model('list'), { active: 'tiny@1', refused: [{ ref: 'tiny@2' }] });

  const config = join(directory, 'copy.yaml');
  writeFileSync(config, `${BASE}model: {store: ${copy}}\nadmin: {socket: null}\n`);
  t.match(await askModelCommand(config, 'rollback'), { ok: true, running: false, active: 'tiny@1' });
  t.match(await askModelCommand(config, 'activate', 'tiny@2'), { ok: false, error: { code: 'MODEL_INVALID' } });
});

t.test('a model of the store must be signed where keys are trusted', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const config = join(directory, 'config.yaml');
  const key = join(directory, 'release');
  const write = (trusted: string) =>
    writeFileSync(config, `${BASE}model: {store: ${store}, trusted_keys: [${trusted}]}\nadmin: {socket: null}\n`);
  write('');
  const { publicKey } = await askModelCommand(config, 'keygen', '--out', key);
  write(`"${publicKey}"`);
  const one = writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory;
  t.match(await askModelCommand(config, 'install', one), {
    ok: false,
    error: { code: 'MODEL_UNTRUSTED', message: /not signed/ },
  });
  const file = join(directory, 'one.tcnmodel');
  t.match(await askModelCommand(config, 'pack', one, '--out', file, '--key', `${key}.key`), { ok: true });
  t.match(await askModelCommand(config, 'install', file), { ok: true, model: 'tiny@1' });
  t.ok(existsSync(join(store, 'tiny', '1', 'SHA256SUMS.sig')));
  rmSync(join(store, 'tiny', '1', 'SHA256SUMS.sig'));
  t.match(await askModelCommand(config, 'activate', 'tiny@1'), { ok: false, error: { code: 'MODEL_UNTRUSTED' } });
});

t.test('what could not be served does not get into the store: each with its sentence', async (t) => {
  const directory = t.testdir();
  const config = join(directory, 'config.yaml');
  const store = join(directory, 'store');
  writeFileSync(config, `${BASE}model: {store: ${store}}\nadmin: {socket: null}\n`);
  const make = (
    name: string,
    ...rest: [Parameters<typeof writeTinyBundle>[1]?, Parameters<typeof writeTinyBundle>[2]?]
  ) => writeTinyBundle(join(directory, name), ...rest).directory;
  const mismatch = make('mismatch', { gain: 1.5 });
  cpSync(join(make('other'), 'golden.json'), join(mismatch, 'golden.json'));
  const link = make('link');
  rmSync(join(link, 'golden.json'));
  symlinkSync('/etc/hostname', join(link, 'golden.json'));
  const cases: readonly [what: string, directory: string, sentence: RegExp][] = [
    ['NaN weights', make('nan', { gain: Number.NaN }), /golden window "sine"|Expected number|latent/],
    ['golden mismatch', mismatch, /golden window "sine": cosine/],
    ['wrong shapes', make('rows', { rows: 50 }), /disagree.*\[1,50,9\]/],
    ['wrong task', make('pose', {}, { task: 'pose' }), /task is "pose"; this program knows: tcn/],
    [
      'wrong digest',
      make('digest', {}, { artefacts: [{ file: 'model.onnx', kind: 'onnx', sha256: '0'.repeat(64) }] }),
      /sha256 is .* expected 0000/,
    ],
    ['a link out of it', link, /is a link to \/etc\/hostname/],
    ['a reserved name', make('name', {}, { name: 'active' }), /active.*taken/],
    ['nothing there', join(directory, 'nowhere'), /no bundle at/],
  ];
  for (const [what, from, sentence] of cases) {
    t.match(await askModelCommand(config, 'install', from), { ok: false, error: { message: sentence } }, what);
  }
  const { manifest } = await readBundle(bundledModelDirectory());
  const packagedId = `${manifest.name}@${manifest.version}`;
  t.same((await askModelCommand(config, 'list')).models, [
    { ref: 'packaged', id: packagedId, bytes: null, roles: ['active'], missing: [] },
  ]);
  t.same(
    existsSync(store) ? readdirSync(store).filter((name) => !/^(active|\.lock|\.install|\.daemon)$/.test(name)) : [],
    [],
    'and nothing is left',
  );
});

t.test('of two commands at once one is told to wait; of two installs both get in', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 0', join(directory, 'store'));
  const bundles = ['1', '2'].map((version) => writeTinyBundle(join(directory, version), {}, { version }).directory);
  const installed = await Promise.all(bundles.map((bundle) => box.model('install', bundle)));
  t.same(
    installed.map(({ ok }) => ok),
    [true, true],
  );
  const activated = await Promise.all(['tiny@1', 'tiny@2'].map((ref) => box.model('activate', ref)));
  t.match(
    activated.filter(({ ok }) => ok === true),
    [{ ok: true }],
  );
  t.match(
    activated.filter(({ ok }) => ok === false),
    [{ error: { code: 'CONFLICT', message: /under way \(activate tiny@/ } }],
  );
  t.match(await box.model('remove', (await box.model('list')).active as string), {
    ok: false,
    error: { code: 'CONFLICT' },
  });
});

t.test('windows that no sensor gives neither keep a model out nor take one back, also after a restart', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const box = await startBox(t, 'probation_s: 300', store);
  await box.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  t.equal((await box.post(POISON, '?normalized=true')).status, 500);
  t.match(await box.model('activate', 'tiny@1'), { ok: true, serves: 'tiny@1' });
  await box.stop();
  const again = await startBox(t, 'probation_s: 300', store);
  for (let i = 0; i < 30; i++) await again.post(POISON, '?normalized=true');
  await until(() => again.daemon.state.seats.standby !== null);
  for (let i = 0; i < 30; i++) await again.post(POISON, '?normalized=true');
  await new Promise((resolve) => setTimeout(resolve, 3500)); // three looks
  t.match(await again.model('list'), { active: 'tiny@1', probation: { phase: 'running', error_ratio: null } });
});

t.test('the same weights are not taken back when the wearer gets up', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300, max_drift: 0.5', join(directory, 'store'));
  const copy = join(directory, 'copy');
  cpSync(join(import.meta.dirname, '..', 'packaging', 'models', 'default'), copy, { recursive: true });
  const manifest = join(copy, 'manifest.yaml');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/^version: .*$/m, 'version: "copy"'));
  await box.model('install', copy);
  t.match(await box.model('activate', 'imu-motif-tcn@copy'), { ok: true });
  const { vitals } = box.daemon.state.seats.active;
  const until40 = performance.now() + 11_000; // four windows a second are looked at
  while (performance.now() < until40) await box.post(STUCK);
  t.ok(vitals.figures().answered > 40);
  t.match(await box.model('list'), { active: 'imu-motif-tcn@copy', refused: [] });
});

t.test('going back to the model that is being compared takes it from its seat', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 0', join(directory, 'store'));
  for (const version of ['1', '2']) {
    await box.model('install', writeTinyBundle(join(directory, version), {}, { version }).directory);
    await box.model('activate', `tiny@${version}`);
  }
  await box.model('candidate', 'tiny@1');
  t.match(await box.model('rollback'), {
    ok: true,
    active: 'tiny@1',
    candidate: null,
    loaded: [{ role: 'active', id: 'tiny@1' }],
  });
  t.match(await box.infer(), { status: 200, model: 'tiny@1' });
});

t.test('a candidate with which the daemon died is none any more', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const first = await startBox(t, 'probation_s: 300', store);
  await first.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  await first.model('candidate', 'tiny@1');
  const died = join(directory, 'died');
  cpSync(store, died, { recursive: true, verbatimSymlinks: true });
  const second = await startBox(t, 'probation_s: 300', died);
  await until(() => second.said.some((line) => /died with the candidate tiny@1 loaded/.test(line)));
  await until(async () => (await second.model('list')).candidate === null);
  t.equal(second.daemon.state.seats.candidate, null);
});

t.test('a model without motif scores does not take the place of one that has them', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  await box.model(
    'install',
    writeTinyBundle(join(directory, 'latent'), { hasMotifs: false }, { version: 'latent' }).directory,
  );
  const refused = await box.model('activate', 'tiny@latent');
  t.match(refused, { ok: false, error: { message: /motif scores: .*has none.*fit-motifs/ } });
});

t.test(
  'a rollback whose model is gone ends on the packaged one, in the store, too; a second one goes no further',
  async (t) => {
    const directory = t.testdir();
    const box = await startBox(t, 'probation_s: 0', join(directory, 'store'));
    for (const version of ['1', '2']) {
      await box.model('install', writeTinyBundle(join(directory, version), {}, { version }).directory);
      await box.model('activate', `tiny@${version}`);
    }
    rmSync(join(box.store, 'tiny', '1'), { recursive: true });
    t.match(await box.model('rollback'), { ok: true, active: 'packaged', previous: null, serves: /^imu-motif-tcn@/ });
    t.match(await box.model('activate', 'tiny@2'), { ok: true });
    t.match(await box.model('rollback'), { ok: true, active: 'packaged', previous: 'tiny@2' });
    t.match(await box.model('rollback'), {
      ok: false,
      error: { code: 'CONFLICT', message: /tiny@2, and that was taken back.*activate it/ },
    });
    t.match(await box.model('confirm'), { ok: false, error: { code: 'CONFLICT', message: /nothing is on probation/ } });
    t.match(await box.model('activate', 'nope@1'), {
      ok: false,
      error: { code: 'MODEL_MISSING', message: /not in the store/ },
    });
  },
);
