import t from 'tap';
import { openBackend } from '../../src/backends/index.ts';
import { startCpuThread, startDeviceHost } from '../../src/parts.ts';
import { settingsFor } from '../fakes/stand-in-chip.ts';
import { sha256, writeTinyBundle } from '../fixtures/bundle.ts';

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const open = (kind: 'auto' | 'hailo' | 'cpu' | 'stub', root: string) =>
  openBackend({ kind, root, lanes: 1, startWorker: startCpuThread, hailo, startHost: startDeviceHost, log });
const hailo = settingsFor('/nowhere/libhailort.so');

t.test('what is asked for by name is what one gets', async (t) => {
  const root = t.testdir({});
  const kinds = [];
  for (const kind of ['cpu', 'stub', 'hailo'] as const) kinds.push((await open(kind, root)).kind);
  t.same(kinds, ['cpu', 'stub', 'hailo']);
});

t.test('auto without a chip is the CPU, and nothing is missing', async (t) => {
  t.match((await open('auto', t.testdir({}))).state(), { kind: 'cpu', available: true, degraded: null });
});

t.test('auto with a chip but no .hef is the CPU, degraded, in its state and in every answer', async (t) => {
  const backend = await open('auto', t.testdir({ dev: { hailo0: '' } }));
  t.teardown(() => backend.close());
  const model = await backend.load(writeTinyBundle(t.testdir({ dev: { hailo0: '' } })).source);
  t.match(backend.state(), { kind: 'cpu', available: true, degraded: /no \.hef.*--hef FILE/ });
  t.match(await model.run(new Float32Array(900)), { backend: 'cpu', degraded: /no \.hef/ });
});

t.test('auto with a chip that cannot be used is the CPU, degraded, with the reason', async (t) => {
  const root = t.testdir({ dev: { hailo0: '' }, 'm.hef': 'never read' });
  const backend = await open('auto', root);
  t.teardown(() => backend.close());
  const { source } = writeTinyBundle(`${root}/bundle`);
  const hef = { kind: 'hef', path: `${root}/m.hef`, sha256: sha256('never read') } as const;
  const model = await backend.load({ ...source, artefacts: [...source.artefacts, hef] });
  t.match(backend.state(), { kind: 'cpu', available: true, degraded: /libhailort cannot be loaded/ });
  t.match(await model.run(new Float32Array(900)), { backend: 'cpu', degraded: /libhailort cannot be loaded/ });
});
