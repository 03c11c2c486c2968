import t from 'tap';
import { whyNoDevice } from '../../../src/backends/hailo/backend.ts';
import { detectDevices, isStale } from '../../../src/backends/hailo/detect.ts';

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

t.test('why a device host need not be started, with what to do', async (t) => {
  t.match(whyNoDevice(t.testdir({})), /no Hailo device.*backend\.kind/);
  t.match(whyNoDevice(t.testdir({ sys: { class: { hailo_chardev: { hailo0: {} } } } })), /\/dev\/hailo0 is missing/);
  t.equal(whyNoDevice(t.testdir({ dev: { hailo0: '' } })), null);
});

t.test('a node that its mode lets us open but the kernel does not is stale; any other error is not that', async (t) => {
  const root = t.testdir({ dev: { hailo0: '' } });
  const [device] = detectDevices(root);
  t.same(
    ['EPERM', 'EACCES', 'ENODEV', null].map((code) => isStale(device!, root, () => code)),
    [true, false, false, false],
  );
  t.equal(isStale(device!, root), false, 'this one opens');
  t.equal(
    isStale({ ...device!, isAccessible: false }, root, () => 'EPERM'),
    false,
  );
});
