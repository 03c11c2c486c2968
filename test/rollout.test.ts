import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BASE, startBox } from './fakes/box.ts';
import { startTestDaemon } from './fakes/daemon.ts';
import { askModelCommand } from './fakes/model-command.ts';
import { writeTinyBundle } from './fixtures/bundle.ts';

t.test('install, activate, confirm, rollback: each says what serves, and it does', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  const one = writeTinyBundle(join(directory, 'one'), { gain: 1 }, { version: '1' }).directory;
  const two = writeTinyBundle(join(directory, 'two'), { gain: 2 }, { version: '2' }).directory;
  t.match(await box.model('install', one), { ok: true, model: 'tiny@1', alreadyThere: false });
  t.match(await box.model('install', one), { ok: true, model: 'tiny@1', alreadyThere: true });
  t.match(await box.model('install', two), { ok: true, model: 'tiny@2' });
  t.match(await box.infer(), { model: /^imu-motif-tcn@/ });

  t.match(await box.model('activate', 'tiny@1'), {
    ok: true,
    serves: 'tiny@1',
    active: 'tiny@1',
    previous: 'packaged',
    gates: [
      { name: 'golden windows', ok: true },
      { name: 'motif scores' },
      { name: 'outputs' },
      { name: 'latency' },
      { name: 'device' },
    ],
    probation: { ref: 'tiny@1', phase: 'running', seconds: Number },
  });
  t.match(box.notified.at(-1), /^STATUS Serving tiny@1 .*, on probation/, 'which systemctl status shows');
  const first = await box.infer();
  t.equal(first.model, 'tiny@1');
  t.match(await box.model('activate', 'tiny@2'), {
    ok: false,
    error: { code: 'CONFLICT', message: /on probation.*confirm/ },
  });
  t.match(await box.model('confirm'), { ok: true, probation: null, loaded: [{ role: 'active', id: 'tiny@1' }] });
  t.match(await box.model('activate', 'tiny@2'), { ok: true, previous: 'tiny@1' });
  const second = await box.infer();
  t.equal(second.model, 'tiny@2');
  t.not(second.latent, first.latent);
  t.match(await box.model('rollback'), { ok: true, serves: 'tiny@1', active: 'tiny@1', probation: null });
  t.match(await box.infer(), { model: 'tiny@1', latent: first.latent });
  t.match(box.notified.at(-1), /Serving tiny@1/);
  t.match(await box.model('list'), {
    ok: true,
    running: true,
    active: 'tiny@1',
    refused: [{ ref: 'tiny@2', why: /rolled back/ }],
  });
});

t.test('a swap under load loses no request and mixes no answer', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  for (const version of ['1', '2']) {
    await box.model(
      'install',
      writeTinyBundle(join(directory, version), { gain: Number(version) }, { version }).directory,
    );
  }
  t.match(await box.model('activate', 'tiny@1'), { ok: true });
  t.match(await box.model('confirm'), { ok: true });
  const latents = new Map<string | null, Set<number>>();
  let failed = 0;
  let isOver = false;
  const ask = async () => {
    while (!isOver) {
      const { status, model, latent } = await box.infer();
      if (status !== 200) failed += 1;
      latents.set(model, (latents.get(model) ?? new Set()).add(latent));
    }
  };
  const askers = Array.from({ length: 6 }, ask);
  for (let i = 0; i < 3; i++) {
    const activated = await box.model('activate', 'tiny@2');
    t.match(activated, { ok: true }, JSON.stringify(activated));
    t.match(await box.model('rollback'), { ok: true });
  }
  isOver = true;
  await Promise.all(askers);
  t.equal(failed, 0);
  t.same([...latents.keys()].sort(), ['tiny@1', 'tiny@2']);
  t.same(
    [...latents.values()].map((values) => values.size),
    [1, 1],
    'each version has one answer to the one window',
  );
});

t.test('a daemon that was stopped in order goes on with the probation', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const first = await startBox(t, 'probation_s: 300', store);
  await first.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  await first.model('activate', 'tiny@1');
  await first.stop();
  const second = await startBox(t, 'probation_s: 300', store);
  t.match(await second.infer(), { model: 'tiny@1' });
  t.match(await second.model('list'), { probation: { ref: 'tiny@1', phase: 'running' } });
});

t.test('the second daemon of a store only reads it', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const first = await startBox(t, 'probation_s: 300', store);
  await first.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  await first.model('activate', 'tiny@1');
  const second = await startBox(t, 'probation_s: 300', store);
  t.match(await second.infer(), { model: 'tiny@1' }, 'and takes nothing back: the first one is alive');
  t.match(await second.model('rollback'), { ok: false, error: { code: 'CONFLICT', message: /Another daemon/ } });
  const deaf = join(directory, 'deaf.yaml');
  writeFileSync(deaf, `${BASE}model: {store: ${store}}\nadmin: {socket: null}\n`);
  const refused = { ok: false, error: { code: 'CONFLICT', message: /does not answer at admin\.socket/ } };
  t.match(await askModelCommand(deaf, 'rollback'), refused, 'who finds no socket does not change it behind its back');
  t.match(await first.model('rollback'), { ok: true });
});

t.test('a model that the configuration names is changed by no command', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const config = join(directory, 'config.yaml');
  writeFileSync(config, `${BASE}model: {store: ${store}}\nadmin: {socket: null}\n`);
  const one = writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory;
  t.match(await askModelCommand(config, 'install', one), { ok: true });
  const yaml = `${BASE}model: {store: ${store}, bundle: tiny@1}\n`;
  const { url, configFile } = await startTestDaemon(t, { yaml });
  t.match(await (await fetch(`${url}/model/info`)).json(), { id: 'tiny@1', role: 'active' });
  t.match(await askModelCommand(configFile, 'activate', 'packaged'), {
    ok: false,
    error: { code: 'CONFLICT', message: /model\.bundle/ },
  });
});
