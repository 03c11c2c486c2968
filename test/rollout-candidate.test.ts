import { join } from 'node:path';
import t from 'tap';
import { startBox, until } from './fakes/box.ts';
import { runModelCommand } from './fakes/model-command.ts';
import { writeTinyBundle } from './fixtures/bundle.ts';

t.test('a shadow computes what the active one answers, and answers nobody', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300, min_samples: 20', join(directory, 'store'));
  for (const version of ['1', '2']) {
    await box.model(
      'install',
      writeTinyBundle(join(directory, version), { gain: Number(version) }, { version }).directory,
    );
  }
  await box.model('activate', 'tiny@1');
  await box.model('confirm');
  t.match(await box.model('compare'), { ok: false, error: { code: 'CONFLICT', message: /no candidate/ } });
  t.match(await box.model('candidate', 'tiny@2'), { ok: true, candidate: { ref: 'tiny@2', mode: 'shadow' } });
  t.match(await box.model('promote'), {
    ok: false,
    error: { code: 'MODEL_REFUSED', message: /not enough yet: 0 of 20/ },
  });
  const models = new Set<string | null>();
  while ((box.daemon.state.compare()?.pairs.pairs ?? 0) < 20) models.add((await box.infer()).model);
  t.same([...models], ['tiny@1']);
  const comparison = await box.model('compare');
  t.match(comparison, {
    ok: true,
    enough: true,
    pairs: { pairs: Number, motifAgreement: 1 },
    candidate: { mode: 'shadow', backend: 'cpu' },
  });
  t.match((await runModelCommand(box.configFile, 'compare')).out, /cosine of the latents: mean 1\.00000/);
  t.match(await (await fetch(`${box.url}/metrics`)).text(), /^hailo_candidate_cosine_mean 0\.99\d+|1$/m);
  t.equal((await box.infer({ 'x-model': 'tiny@2' })).model, 'tiny@2', 'who asks for it gets it');
  t.match(await box.model('promote'), { ok: true, serves: 'tiny@2', candidate: null, probation: { ref: 'tiny@2' } });
});

t.test('a canary answers its share, and the same key always gets the same model', async (t) => {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  await box.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  t.match(await box.model('candidate', 'tiny@1', '--canary', '50'), {
    ok: true,
    candidate: { mode: 'canary', share: 0.5 },
  });
  const byKey = new Map<string, Set<string | null>>();
  for (let i = 0; i < 60; i++) {
    const key = `collar-${i % 20}`;
    const { model } = await box.infer({ 'x-sticky-key': key });
    byKey.set(key, (byKey.get(key) ?? new Set()).add(model));
  }
  t.ok([...byKey.values()].every((models) => models.size === 1));
  t.equal(new Set([...byKey.values()].flatMap((models) => [...models])).size, 2, 'both had some');
  t.match(await (await fetch(`${box.url}/v1/models`)).json(), {
    data: [{ role: 'active' }, { id: 'tiny@1', role: 'candidate' }],
  });
  t.match(await box.model('candidate', '--stop'), { ok: true, candidate: null });
  t.equal((await box.infer({ 'x-model': 'tiny@1' })).status, 404);
  t.match(await box.model('candidate', 'tiny@none'), { ok: false });
});

t.test('a candidate is there again after a restart', async (t) => {
  const directory = t.testdir();
  const store = join(directory, 'store');
  const first = await startBox(t, 'probation_s: 300', store);
  await first.model('install', writeTinyBundle(join(directory, 'one'), {}, { version: '1' }).directory);
  await first.model('candidate', 'tiny@1', '--named');
  await first.stop();
  const second = await startBox(t, 'probation_s: 300', store);
  await until(() => second.daemon.state.seats.candidate !== null);
  t.match(await second.infer({ 'x-model': 'candidate' }), { status: 200, model: 'tiny@1' });
});
