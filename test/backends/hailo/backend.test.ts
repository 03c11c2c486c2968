import t from 'tap';
import { createHailoBackend, whyUnavailable } from '../../../src/backends/hailo/backend.ts';
import { detectDevices } from '../../../src/backends/hailo/detect.ts';
import { writeTinyBundle } from '../../fixtures/bundle.ts';

t.test('a chip is seen by its node and by its driver, once', async (t) => {
  const root = t.testdir({
    dev: { hailo0: '', null: '', 'hailo-other': '' },
    sys: { class: { hailo_chardev: { hailo0: {}, hailo1: {} } } },
  });
  t.same(detectDevices(root), [
    { name: 'hailo0', node: '/dev/hailo0', isAccessible: true },
    { name: 'hailo1', node: null, isAccessible: false },
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
    detectDevices(root, () => false),
    [{ node: '/dev/hailo0', isAccessible: false }],
  );
});

t.test('without a chip the backend says what is missing and what to do, and computes nothing', async (t) => {
  const backend = createHailoBackend(t.testdir({}));
  t.match(backend.state(), {
    kind: 'hailo',
    available: false,
    reason: /no Hailo device.*backend\.kind/,
    degraded: null,
  });
  await t.rejects(backend.load(writeTinyBundle(t.testdir()).source), { code: 'BACKEND_UNAVAILABLE' });
  await backend.close();
});

t.test('a chip that cannot be driven is named', async (t) => {
  t.match(
    whyUnavailable([{ name: 'hailo0', node: '/dev/hailo0', isAccessible: true }]),
    /\/dev\/hailo0.*cannot drive it yet/,
  );
  t.match(
    whyUnavailable([{ name: 'hailo0', node: '/dev/hailo0', isAccessible: false }]),
    /\/dev\/hailo0.*this user may not open it/,
  );
  t.match(whyUnavailable([{ name: 'hailo0', node: null, isAccessible: false }]), /\/dev\/hailo0 is missing/);
});
