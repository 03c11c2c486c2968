import t from 'tap';
import { openBackend } from '../../src/backends/index.ts';
import { startCpuThread } from '../../src/parts.ts';
import { writeTinyBundle } from '../fixtures/bundle.ts';

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const open = (kind: 'auto' | 'hailo' | 'cpu' | 'stub', root: string) =>
  openBackend({ kind, root, lanes: 1, startWorker: startCpuThread, log });

t.test('what is asked for by name is what one gets', async (t) => {
  const root = t.testdir({});
  const kinds = [];
  for (const kind of ['cpu', 'stub', 'hailo'] as const) kinds.push((await open(kind, root)).kind);
  t.same(kinds, ['cpu', 'stub', 'hailo']);
});

t.test('auto without a chip is the CPU, and nothing is missing', async (t) => {
  t.match((await open('auto', t.testdir({}))).state(), { kind: 'cpu', available: true, degraded: null });
});

t.test('auto with a chip that cannot be used is the CPU, degraded, in its state and in every answer', async (t) => {
  const backend = await open('auto', t.testdir({ dev: { hailo0: '' } }));
  t.teardown(() => backend.close());
  t.match(backend.state(), { kind: 'cpu', degraded: /\/dev\/hailo0/ });
  const model = await backend.load(writeTinyBundle(t.testdir()).source);
  t.match(await model.run(new Float32Array(900)), { backend: 'cpu', degraded: /\/dev\/hailo0/ });
  await model.close();
});
