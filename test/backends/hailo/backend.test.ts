import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { createHailoBackend, type HailoBackendParts } from '../../../src/backends/hailo/backend.ts';
import type { Inference, ModelSource } from '../../../src/core/backend.ts';
import { startDeviceHost } from '../../../src/parts.ts';
import { whyNoStandIn } from '../../fakes/hailort/build.ts';
import { type ChipOptions, insertChip, type StandInChip, settingsFor } from '../../fakes/stand-in-chip.ts';
import { sha256 } from '../../fixtures/bundle.ts';
import { tinyLatent } from '../../fixtures/tiny-onnx.ts';
import { conforms } from '../conformance.ts';
import { proofOf, writeOtherModel } from '../other-model.ts';

const skip = whyNoStandIn();
const nothing = () => {};
const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const window = Float32Array.from({ length: 900 }, (_, i) => Math.sin(i / 50));

function open(chip: StandInChip, change: Partial<HailoBackendParts> = {}) {
  const settings = settingsFor(chip.library);
  return createHailoBackend({
    settings,
    startHost: startDeviceHost,
    log: quiet,
    root: chip.root,
    retryDelayMs: () => 20,
    ...change,
  });
}

async function loaded(t: Test, options: ChipOptions = {}, source: Partial<ModelSource> = {}) {
  const chip = insertChip(t, options);
  const said: string[] = [];
  const say = (_fields: object, message: string) => void said.push(message);
  const backend = open(chip, { log: { debug: say, info: say, warn: say, error: say } });
  t.teardown(() => backend.close());
  const model = await backend.load({ ...chip.source, ...source });
  const back = async () => {
    while (!backend.state().available) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { chip, backend, model, said, back };
}

const cosineTo = (expected: readonly number[], { outputs }: Inference) => {
  const found = outputs.latent_embeddings!;
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0);
  return dot(found, expected) / Math.sqrt(dot(found, found) * dot(expected, expected));
};

for (const version of ['4.19.0', '4.23.0']) {
  t.test(`libhailort ${version} keeps the promises of a backend`, { skip }, async (t) => {
    const chip = insertChip(t, { version, header: 1 });
    const source = { ...chip.source, prove: proofOf(1) };
    await conforms(t, { open: async () => open(chip), source, second: writeOtherModel(chip, 2), isStrict: true });
  });
}

const device = process.env.HAILO_DEVICE;
const noDevice =
  'HAILO_DEVICE is not set: the id of a real device, with HAILO_HEF naming a .hef of the tiny model for it';
t.test('a real device keeps the promises of a backend', { skip: device === undefined && noDevice }, async (t) => {
  const chip = insertChip(t);
  const hef = process.env.HAILO_HEF ?? '';
  const artefact = { kind: 'hef', path: hef, sha256: sha256(readFileSync(hef)) } as const;
  const source = { ...chip.source, artefacts: [...chip.source.artefacts.slice(0, 1), artefact] };
  const settings = { ...settingsFor('', { deviceId: device ?? null, timeoutMs: 1000 }), library: null };
  await conforms(t, {
    open: async () => createHailoBackend({ settings, startHost: startDeviceHost, log: quiet }),
    source,
  });
});

t.test('the answer is the model’s, within quantisation', { skip }, async (t) => {
  const { model, backend } = await loaded(t);
  const walk = Float32Array.from({ length: 900 }, (_, i) => Math.sin((i % 9) + 1));
  t.ok(cosineTo(tinyLatent(walk), await model.run(walk)) > 0.999);
  t.match(backend.state(), { available: true, device: /^Hailo-8 \(firmware 4\.23\.0, HailoRT 4\.23\.0\)$/ });
});

t.test('another layout of the same order needs nothing', { skip }, async (t) => {
  const walk = Float32Array.from({ length: 900 }, (_, i) => Math.sin((i % 9) + 1));
  const { model } = await loaded(t, { hef: { layout: [1, 100, 9] } });
  t.ok(cosineTo(tinyLatent(walk), await model.run(walk)) > 0.999);
});

t.test('everything is released in the library’s order, and the process is gone', { skip }, async (t) => {
  const { chip, backend, model } = await loaded(t);
  await model.run(window);
  await backend.close();
  const calls = chip.calls().filter((call) => !call.includes('notification'));
  t.same(calls.slice(-5), [
    'hailo_shutdown_network_group 0',
    'hailo_release_input_vstreams 0',
    'hailo_release_output_vstreams 0',
    'hailo_release_hef 0',
    'hailo_release_vdevice 0',
  ]);
});

const faults: readonly [what: string, script: string, reason: RegExp][] = [
  ['a library that crashes', 'crash hailo_vstream_write_raw_buffer times=1', /ended with SIGSEGV/],
  ['a library that hangs', 'hang hailo_vstream_read_raw_buffer times=1', /did not answer a window within \d+ ms/],
  ['a device that is silent', 'silent', /HAILO_TIMEOUT.*dmesg/],
  ['a device that swallows a window', 'swallow times=1', /HAILO_TIMEOUT/],
  ['a device that is lost in the middle', 'lost', /HAILO_STREAM_ABORT.*lost in the middle/],
];

for (const [what, script, reason] of faults) {
  t.test(`${what} takes its windows with it, is told, and comes back`, { skip }, async (t) => {
    const { chip, backend, model, said, back } = await loaded(t);
    const right = [...(await model.run(window)).outputs.latent_embeddings!];
    await chip.script(script);
    const ends = await Promise.allSettled(Array.from({ length: 6 }, () => model.run(window)));
    const codes = ends.map((end) => (end.status === 'rejected' ? end.reason.code : 'answered'));
    t.ok(codes.includes('BACKEND_UNAVAILABLE'), codes.join(' '));
    t.match(said.at(-1), reason);
    t.match(backend.state(), { available: false, reason });
    await chip.script();
    await back();
    t.ok(cosineTo(right, await model.run(window)) > 0.999999);
  });
}

t.test('a device that answers late never answers another window', { skip }, async (t) => {
  const { chip, model, back } = await loaded(t);
  const other = Float32Array.from(window, (v) => -v);
  const right = [...(await model.run(other)).outputs.latent_embeddings!];
  await chip.script('stall 300 times=1');
  await t.rejects(model.run(window), { code: 'BACKEND_UNAVAILABLE' });
  await chip.script();
  await back();
  t.same([...(await model.run(other)).outputs.latent_embeddings!], right);
});

t.test('a device is proved before it serves, each time', { skip }, async (t) => {
  let proofs = 0;
  let isRight = true;
  const prove = async (run: (input: Float32Array) => Promise<Inference>) => {
    proofs += 1;
    await run(window);
    if (!isRight) throw new Error('cosine 0.1');
  };
  const { backend, model, back } = await loaded(t, {}, { prove });
  t.equal(proofs, 1);
  isRight = false;
  model.demote?.('parity');
  t.match(backend.state(), { available: false, reason: 'parity' });
  await t.rejects(model.run(window), { code: 'BACKEND_UNAVAILABLE', message: 'parity' });
  while (proofs < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  t.match(backend.state(), { available: false, reason: /golden windows fail on the device: cosine 0\.1/ });
  isRight = true;
  await back();
  t.ok(await model.run(window));
});

const refusals: readonly [what: string, script: string[], reason: RegExp, options?: ChipOptions][] = [
  ['no device', ['none'], /hailo_create_vdevice: HAILO_OUT_OF_PHYSICAL_DEVICES\..*another program/],
  ['a device that another has', ['busy'], /OUT_OF_PHYSICAL_DEVICES|DEVICE_IN_USE/],
  ['a node that may not be opened', ['no_node'], /HAILO_DRIVER_OPERATION_FAILED.*udev/],
  ['no firmware', ['no_firmware'], /HAILO_INVALID_OPERATION.*firmware/],
  [
    'a driver of another version',
    ['driver 4.20.0'],
    /HAILO_INVALID_DRIVER_VERSION.*one version.*The library is 4\.23\.0, the driver /,
  ],
  ['a driver that is too old', ['old_driver'], /HAILO_DRIVER_INVALID_RESPONSE/],
  ['a node of another driver', ['not_hailo'], /HAILO_DRIVER_INVALID_IOCTL/],
  ['a .hef for another chip', ['arch HAILO8L'], /HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE.*another chip/],
  [
    'other vstreams than the manifest says',
    ['wrong_shape output'],
    /Manifest: imu_window \[100,9,1\].*File: .*\[1,1,65\]/,
  ],
  ['pages that are too large', ['fail hailo_configure_vdevice 8'], /force_desc_page_size=4096/],
  ['a Hailo-10H', [], /HAILO_NOT_IMPLEMENTED.*Hailo-10H/, { version: '5.2.0', hef: { arch: 'HAILO10H' } }],
  [
    'a library without a function',
    [],
    /has no function hailo_create_output_vstreams/,
    { omit: ['hailo_create_output_vstreams'] },
  ],
  ['an unknown version', [], /9\.9\.9 is of an unknown layout/, { version: '9.9.9' }],
];

for (const [what, script, reason, options] of refusals) {
  t.test(`${what}: not served, and the reason has a remedy`, { skip }, async (t) => {
    const chip = insertChip(t, options);
    await chip.script(...script);
    const backend = open(chip, { retryDelayMs: () => 1e6 });
    t.teardown(() => backend.close());
    const model = await backend.load(chip.source);
    t.match(backend.state(), { available: false, reason });
    await t.rejects(model.run(window), { code: 'BACKEND_UNAVAILABLE' });
  });
}

t.test('a library that is missing, or is none, is told with what to install', { skip }, async (t) => {
  const chip = insertChip(t);
  for (const [library, reason] of [
    ['/nowhere/libhailort.so', /libhailort cannot be loaded.*nowhere.*hailo-all.*backend\.hailo\.library/],
    ['libc.so.6', /libc\.so\.6 has no function hailo_get_library_version/],
  ] as const) {
    const backend = open(chip, { settings: settingsFor(library), retryDelayMs: () => 1e6 });
    await backend.load(chip.source);
    t.match(backend.state(), { available: false, reason });
    await backend.close();
  }
});

t.test('a .hef that was changed after it was verified is not used', { skip }, async (t) => {
  const { chip, model, backend } = await loaded(t);
  writeFileSync(chip.hefPath, 'something else');
  t.ok(await model.run(window), 'what is loaded is not touched');
  model.demote?.('again, please');
  const isTold = (reason: RegExp) => reason.test(backend.state().reason ?? '');
  while (!isTold(/model\.hef has changed since it was verified/))
    await new Promise((resolve) => setTimeout(resolve, 5));
  await t.rejects(model.run(window), { code: 'BACKEND_UNAVAILABLE' });
});

t.test('without a .hef there is nothing for the device to do', { skip }, async (t) => {
  const chip = insertChip(t);
  const backend = open(chip);
  const artefacts = chip.source.artefacts.filter(({ kind }) => kind === 'onnx');
  await t.rejects(backend.load({ ...chip.source, artefacts }), {
    code: 'BACKEND_UNAVAILABLE',
    message: /no \.hef.*--hef FILE/,
  });
  t.match(backend.state(), { available: false, reason: /no \.hef/ });
  await backend.close();
});

t.test('without a chip no process is started', { skip }, async (t) => {
  const chip = insertChip(t);
  rmSync(`${chip.root}/dev/hailo0`);
  const backend = open(chip, { startHost: () => t.fail('started') as never, retryDelayMs: () => 1e6 });
  await backend.load(chip.source);
  t.match(backend.state(), { available: false, reason: /no Hailo device/ });
  await backend.close();
});

t.test('the device tells its temperatures, its power and how busy it is', { skip }, async (t) => {
  const chip = insertChip(t);
  const said: string[] = [];
  const say = (_fields: object, message: string) => void said.push(message);
  const backend = open(chip, { measureMs: 10, log: { debug: say, info: say, warn: say, error: say } });
  t.teardown(() => backend.close());
  const model = await backend.load(chip.source);
  const until = async (holds: () => boolean) => {
    while (!holds()) await model.run(window);
  };
  await until(() => (backend.telemetry?.()?.utilisation ?? 0) > 0);
  t.match(backend.telemetry?.(), {
    identity: {
      architecture: 'Hailo-8',
      firmware: '4.23.0',
      board: 'Hailo-8',
      product: 'STAND-IN FOR TESTS',
      serial: 'HLSTANDIN0000001',
    },
    temperaturesCelsius: [51.5, 50.25],
    powerWatts: 2.5,
    clockHz: 4e8,
    restarts: 0,
  });
  await chip.script('notify clock 400 200', 'notify overcurrent 1 2.5');
  await until(() => said.includes('the Hailo device reports: overcurrent'));
  t.match(backend.telemetry?.(), { events: { 'clock change': 1, overcurrent: 1 } });
  await chip.script('temperature 72 71', 'power none');
  await until(() => said.some((line) => /72\.0 °C \(warning from 70 °C\)/.test(line)));
  t.match(backend.telemetry?.(), { powerWatts: null });
  t.match(backend.state(), { degraded: null });
  await chip.script('temperature 86 71');
  await until(() => backend.state().degraded !== null);
  t.match(backend.state(), { available: true, degraded: /overheated/ });
  await chip.script();
  await until(() => backend.state().degraded === null);
  model.demote?.('again');
  while (!backend.state().available) await new Promise((resolve) => setTimeout(resolve, 5));
  await until(() => backend.telemetry?.()?.restarts === 1);
});

t.test('an idle device is released, and opened again for the next window', { skip }, async (t) => {
  const chip = insertChip(t);
  const backend = open(chip, { settings: settingsFor(chip.library, { keepAliveMs: 0 }) });
  t.teardown(() => backend.close());
  const model = await backend.load(chip.source);
  t.ok(await model.run(window));
  while (!/released while idle/.test(backend.state().device)) await new Promise((resolve) => setTimeout(resolve, 10));
  t.match(backend.state(), { available: true, degraded: null });
  while (chip.calls().at(-1) !== 'hailo_release_vdevice 0') await new Promise((resolve) => setTimeout(resolve, 10));
  await t.rejects(model.run(window), { code: 'BACKEND_UNAVAILABLE', message: /released because it was idle/ });
  while (!/^Hailo-8/.test(backend.state().device)) await new Promise((resolve) => setTimeout(resolve, 10));
  t.ok(await model.run(window));
});

t.test('a device that is put out of service under load is released in order, once', { skip }, async (t) => {
  const { chip, model, back } = await loaded(t);
  await chip.script('delay hailo_release_input_vstreams 50', 'device_us 2000');
  const runs = Promise.allSettled(Array.from({ length: 6 }, () => model.run(window)));
  model.demote?.('again');
  await runs;
  await back();
  const releases = chip.calls().filter((call) => /release_(vdevice|input_vstreams|output_vstreams)/.test(call));
  t.same(releases, ['hailo_release_input_vstreams 0', 'hailo_release_output_vstreams 0', 'hailo_release_vdevice 0']);
});

t.test('a device host that speaks nonsense is ended, not believed', { skip }, async (t) => {
  const chip = insertChip(t);
  for (const nonsense of ['x'.repeat(64), '\\x05\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0{oops']) {
    const startHost = () =>
      spawn('sh', ['-c', `printf '${nonsense}' >&3; exec sleep 60`], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    const backend = open(chip, { startHost, retryDelayMs: () => 1e6 });
    await backend.load(chip.source);
    t.match(backend.state(), { available: false, reason: /spoke nonsense/ });
    await backend.close();
  }
});

t.test(
  'a device host that cannot be started, for want of descriptors, is a device that does not serve',
  { skip },
  async (t) => {
    const chip = insertChip(t);
    const startHost = () => {
      const child = new EventEmitter();
      setImmediate(() => child.emit('error', new Error('spawn EMFILE')));
      return child as unknown as ReturnType<typeof startDeviceHost>;
    };
    const backend = open(chip, { startHost, retryDelayMs: () => 1e6 });
    await backend.load(chip.source);
    await new Promise((resolve) => setImmediate(resolve));
    t.match(backend.state(), { available: false, reason: /no file descriptors/ });
    await backend.close();
  },
);
