import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createHailoBackend, whyNoDevice } from '../../../src/backends/hailo/backend.ts';
import { detectDevices } from '../../../src/backends/hailo/detect.ts';
import { settingsFor } from '../../fakes/stand-in-chip.ts';
import { writeTinyBundle } from '../../fixtures/bundle.ts';

t.test('a chip is seen by its node and by its driver, once', async (t) => {
  const root = t.testdir({
    dev: { hailo0: '', null: '', 'hailo-other': '' },
    sys: { class: { hailo_chardev: { hailo0: {}, hailo1: {} } } },
  });
  t.same(detectDevices(root), [
    { name: 'hailo0', node: '/dev/hailo0', isAccessible: true, isStale: false },
    { name: 'hailo1', node: null, isAccessible: false, isStale: false },
  ]);
});

t.test('the class and node names of driver 5.3 are known, too', async (t) => {
  const root = t.testdir({ dev: { 'h1x-0': '' }, sys: { class: { hailo1x: { 'h1x-0': {} } } } });
  t.same(
    detectDevices(root).map(({ name }) => name),
    ['h1x-0'],
  );
});

t.test('a node that may not be opened is said to be so', async (t) => {
  const root = t.testdir({ dev: { hailo0: '' } });
  t.match(
    detectDevices(root, () => 'EACCES'),
    [{ node: '/dev/hailo0', isAccessible: false }],
  );
});

t.test('why a device host need not be started, with what to do', async (t) => {
  t.match(whyNoDevice(t.testdir({})), /no Hailo device.*backend\.kind/);
  t.match(whyNoDevice(t.testdir({ sys: { class: { hailo_chardev: { hailo0: {} } } } })), /\/dev\/hailo0 is missing/);
  t.equal(whyNoDevice(t.testdir({ dev: { hailo0: '' } })), null);
});

t.test('a node that answers EPERM is stale; any other error is not that', async (t) => {
  const root = t.testdir({ dev: { hailo0: '' } });
  const seen = ['EPERM', 'EACCES', 'ENODEV', null].map((code) => detectDevices(root, () => code)[0]);
  t.same(
    seen.map((device) => [device?.isStale, device?.isAccessible]),
    [
      [true, false],
      [false, false],
      [false, false],
      [false, true],
    ],
  );
});

/** An immutable file answers EPERM as a node does that DeviceAllow= leaves out; only root can make one. */
async function withImmutable(path: string, run: () => Promise<void>): Promise<boolean> {
  if (spawnSync('chattr', ['+i', path]).status !== 0) return false;
  try {
    await run();
  } finally {
    spawnSync('chattr', ['-i', path]);
  }
  return true;
}

t.test('a backend that meets one says so, and which node it was', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'stale-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  for (const name of ['dev', 'bundle']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'dev/hailo0'), '');
  const nodes: string[] = [];
  const backend = createHailoBackend({
    settings: settingsFor('/none'),
    startHost: () => t.fail('no host is started') as never,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    root,
    onStale: (_why, node) => nodes.push(node),
    retryDelayMs: () => 1e6,
  });
  t.teardown(() => backend.close());
  const { source } = writeTinyBundle(join(root, 'bundle'));
  const artefact = { kind: 'hef', path: '/none', sha256: '' } as const;
  const load = async () => {
    await backend.load({ ...source, artefacts: [...source.artefacts, artefact] });
  };
  if (!(await withImmutable(join(root, 'dev/hailo0'), load))) return t.pass('not shown: no immutable files here');
  t.match(backend.state(), { available: false, reason: /\/dev\/hailo0.*may not open it.*DeviceAllow/ });
  t.match(nodes, [/^\/dev\/hailo0 \d+ /]);
});
