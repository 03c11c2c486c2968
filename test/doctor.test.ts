import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Check, doctorCommand } from '../src/cli/doctor.ts';
import { createIo } from '../src/cli/io.ts';
import { doctorChecks } from '../src/doctor.ts';
import { STAGES } from '../src/doctor-walk.ts';
import { startDeviceHost } from '../src/parts.ts';
import { writeChipBundle } from './fakes/daemon-on-chip.ts';
import { whyNoStandIn } from './fakes/hailort/build.ts';
import { insertChip } from './fakes/stand-in-chip.ts';

const skip = whyNoStandIn();

interface Setup {
  readonly kind?: string;
  readonly script?: string;
  readonly library?: string;
  readonly hasHef?: boolean;
  /** Changes the tree before doctor looks. */
  prepare?(root: string): void;
}

/** What doctor prints for a machine, its device checks alone. */
async function examine(
  t: Test,
  { kind = 'auto', script = '', library, hasHef = true, prepare }: Setup,
): Promise<string> {
  const chip = insertChip(t);
  await chip.script(script);
  const bundle = hasHef ? writeChipBundle(chip) : join(chip.root, 'bundle');
  const path = join(chip.root, 'sidecar.yaml');
  const hailo = `hailo: {library: ${library ?? chip.library}, timeout_ms: 200}`;
  writeFileSync(path, `server: {port: 0}\nmodel: {bundle: ${bundle}}\nbackend: {kind: ${kind}, ${hailo}}\n`);
  tellDriver(chip.root, '4.23.0');
  prepare?.(chip.root);
  const checkBundle = () => Promise.reject(new Error('not asked for'));
  const isOfDevice = ({ name }: Check) => name in STAGES || /Hailo|device|permission/.test(name);
  const out: string[] = [];
  const sink = { write: (text: string) => out.push(text) };
  const prepareChecks = () =>
    doctorChecks({ path, env: {}, checkBundle, startHost: startDeviceHost, root: chip.root }).filter(isOfDevice);
  const status = await doctorCommand([], createIo(sink, sink, {}), prepareChecks);
  return `${out.join('')}status ${status}`;
}

t.test('a sound device: every step from the driver to the rate', { skip }, async (t) => {
  const figures = (text: string) =>
    text.replace(/\d+\.\d{2,} ms per window, \d+ windows/, 'N ms per window, N windows');
  const lines = (await examine(t, {})).split('\n').map((line) => line.replace(/\/\S+\/(?=libhailort)/, ''));
  t.match(lines.slice(1, 3), [
    /device node: \/dev\/hailo0, mode \d+, owner \d+:\d+$/,
    /permission: this user may open it$/,
  ]);
  t.strictSame(
    [lines[0], ...lines.slice(3)].map((line) => figures(line ?? '').replace(/0\.99\d+/, '0.99')),
    [
      '✓ Hailo driver: hailo_pci 4.23.0, has hailo0',
      '✓ HailoRT library: libhailort.so.4.23.0, version 4.23.0',
      '✓ versions: driver and library are both 4.23.0',
      '✓ .hef: imu_window → latent_embeddings, motif_scores, as the manifest says',
      '✓ device: Hailo-8, STAND-IN FOR TESTS, serial number HLSTANDIN0000001',
      '✓ firmware: 4.23.0',
      '✓ network group: configured, its vstreams are open',
      '✓ golden parity: 1 golden windows pass on the device, cosine 0.99',
      '✓ throughput: N ms per window, N windows/s',
      'status 0',
    ],
  );
});

const broken: readonly [what: string, setup: Setup, finding: RegExp][] = [
  [
    'driver and library of different versions',
    { script: 'driver 4.20.0', prepare: (root) => tellDriver(root, '4.20.0') },
    /! versions: the driver is 4\.20\.0, the library 4\.23\.0\n.*\n[\s\S]*! device: does not work\n +→ .*HAILO_INVALID_DRIVER_VERSION.*one version.*\n- firmware: not reached/,
  ],
  [
    'the device is held by another program',
    { script: 'busy', prepare: holdNode },
    /! device: .*\n +→ .*OUT_OF_PHYSICAL_DEVICES.*\/dev\/hailo0 is open in: frigate \(pid 4711\)/,
  ],
  ['no firmware', { script: 'no_firmware', kind: 'hailo' }, /✗ device: .*\n +→ .*firmware[\s\S]*status 1$/],
  [
    'no library',
    { library: '/nowhere/libhailort.so' },
    /! HailoRT library: .*\n +→ libhailort cannot be loaded.*hailo-all/,
  ],
  [
    'a .hef for another chip',
    { script: 'arch HAILO8L' },
    /✓ firmware.*\n! network group: .*\n +→ .*HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE.*\n- golden parity: not reached/,
  ],
  ['a device that answers wrongly', { script: 'corrupt' }, /✗ golden parity: .*golden window.*\n +→ Compile/],
  ['no .hef in the bundle', { hasHef: false }, /! \.hef: none\n +→ .*--hef FILE/],
];

for (const [what, setup, finding] of broken) {
  t.test(`${what}: named, with what to do`, { skip }, async (t) => {
    t.match(await examine(t, setup), finding);
  });
}

/** /proc of a machine on which another program has the node open. */
function holdNode(root: string): void {
  mkdirSync(join(root, 'proc/4711/fd'), { recursive: true });
  writeFileSync(join(root, 'proc/4711/comm'), 'frigate\n');
  symlinkSync('/dev/hailo0', join(root, 'proc/4711/fd/7'));
}

function tellDriver(root: string, version: string): void {
  mkdirSync(join(root, 'sys/module/hailo_pci'), { recursive: true });
  writeFileSync(join(root, 'sys/module/hailo_pci/version'), `${version}\n`);
}
