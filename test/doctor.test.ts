import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Check, doctorCommand } from '../src/cli/doctor.ts';
import { createIo } from '../src/cli/io.ts';
import { doctorChecks } from '../src/doctor.ts';
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
  mkdirSync(join(chip.root, 'sys/module/hailo_pci'), { recursive: true });
  writeFileSync(join(chip.root, 'sys/module/hailo_pci/version'), '4.23.0\n');
  prepare?.(chip.root);
  const checkBundle = () => Promise.reject(new Error('not asked for'));
  const isOfDevice = ({ name }: Check) => /Hailo|device/.test(name);
  const out: string[] = [];
  const sink = { write: (text: string) => out.push(text) };
  const prepareChecks = () =>
    doctorChecks({ path, env: {}, checkBundle, startHost: startDeviceHost, root: chip.root }).filter(isOfDevice);
  const status = await doctorCommand([], createIo(sink, sink, {}), prepareChecks);
  return `${out.join('')}status ${status}`;
}

t.test('a sound device: driver, node, and golden windows with their rate', { skip }, async (t) => {
  const text = await examine(t, {});
  t.match(text, /^✓ Hailo driver: hailo_pci 4\.23\.0, has hailo0$/m);
  t.match(text, /^✓ device node: \/dev\/hailo0, mode \d+, owner \d+:\d+/m);
  t.match(
    text,
    /^✓ model on the device: Hailo-8 \(firmware 4\.23\.0, HailoRT 4\.23\.0\); 1 golden windows pass, cosine 0\.99\d+, [\d.]+ ms each, \d+\/s$/m,
  );
  t.match(text, /status 0$/);
});

const broken: readonly [what: string, setup: Setup, finding: RegExp][] = [
  [
    'driver and library of different versions',
    { script: 'driver 4.20.0' },
    /! model on the device: does not serve\n +→ .*HAILO_INVALID_DRIVER_VERSION.*one version/,
  ],
  [
    'the device is held by another program',
    { script: 'busy', prepare: holdNode },
    /→ .*OUT_OF_PHYSICAL_DEVICES.*\/dev\/hailo0 is open in: frigate \(pid 4711\)/,
  ],
  [
    'no firmware',
    { script: 'no_firmware', kind: 'hailo' },
    /✗ model on the device: does not serve\n +→ .*firmware[\s\S]*status 1$/,
  ],
  ['no library', { library: '/nowhere/libhailort.so' }, /→ libhailort cannot be loaded.*hailo-all/],
  ['a .hef for another chip', { script: 'arch HAILO8L' }, /→ .*HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE/],
  ['a device that answers wrongly', { script: 'corrupt' }, /✗ model on the device: .*golden window/],
  ['no .hef in the bundle', { hasHef: false }, /! model on the device: not tried\n +→ .*--hef FILE/],
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
