import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  distFile,
  freePort,
  inferGolden,
  type Place,
  placeOf,
  ROOT,
  shippedGolden,
  skipWithout,
  untilHealthy,
  writeConfig,
} from './launch.ts';

const EMULATOR = '/usr/bin/qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu/lib';
const isNative = process.arch === 'arm64';
const skip = skipWithout({
  [distFile('arm64')]: 'run "npm run build" first',
  ...(!isNative && {
    [EMULATOR]: 'install qemu-user-static',
    [`${LIBRARIES}/libc.so.6`]: 'install libc6-arm64-cross',
    [`${LIBRARIES}/libstdc++.so.6`]: 'install libstdc++6-arm64-cross',
    [`${LIBRARIES}/libgcc_s.so.1`]: 'install libgcc-s1-arm64-cross',
  }),
});
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

const CORTEX_A76 = Array.from(
  { length: 4 },
  (_, core) => `processor\t: ${core}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

`,
).join('');

t.test('the arm64 executable, emulated where this machine is another', { skip }, async (t) => {
  const place = placeOf(t, 'arm64');
  const emulation = isNative ? {} : emulated(t, place);

  const about = await place.start(['--version'], emulation).ended;
  t.strictSame({ status: about.status, stderr: about.stderr }, { status: 0, stderr: '' });
  t.match(about.stdout, `hailo-tcn-sidecar ${version}`);

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // Emulation is some fifty times slower than the real thing: the deadline would refuse every window.
  const config = writeConfig(place, `server:\n  port: ${port}\ninference:\n  deadline_ms: 20000\n`);
  const running = place.start(['serve', '--config', config], emulation);
  t.match(await untilHealthy(url, running), { ok: true, backend: 'cpu', version });

  const golden = shippedGolden();
  for (const window of golden.windows.slice(0, 2)) {
    const { cosine, farthest } = await inferGolden(url, window);
    t.ok(cosine >= golden.tolerance.cosine, `${window.name}: cosine ${cosine}`);
    t.ok(farthest <= golden.tolerance.abs, `${window.name}: off by ${farthest}`);
  }
  running.child.kill('SIGTERM');
  const { status, signal } = await running.ended;
  t.strictSame({ status, signal }, { status: 0, signal: null });
});

/** A root for the emulator: the cross libraries, and an Arm's /proc/cpuinfo, without which onnxruntime reads this machine's. */
function emulated(t: Test, place: Place) {
  const root = join(place.empty, '..', 'arm64-root');
  mkdirSync(join(root, 'proc'), { recursive: true });
  symlinkSync(LIBRARIES, join(root, 'lib'));
  writeFileSync(join(root, 'proc', 'cpuinfo'), CORTEX_A76);
  t.comment('emulated by qemu as a Cortex-A76, the core of a Raspberry Pi 5');
  return { through: [EMULATOR, '-cpu', 'cortex-a76'], env: { QEMU_LD_PREFIX: root } };
}
