import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { linearAnswer } from '../fakes/hailort/arithmetic.ts';
import type { StandInHef } from '../fakes/hailort/body.ts';
import { buildStandIn, whyNoStandIn } from '../fakes/hailort/build.ts';
import { type HeaderVersion, standInHef, wrapHef } from '../fakes/hailort/hef.ts';
import { writeScript } from '../fakes/hailort/script.ts';
import { tinyHef } from '../fakes/hailort/tiny-hef.ts';
import { xxh3 } from '../fakes/hailort/xxh3.ts';
import { tinyLatent } from '../fixtures/tiny-onnx.ts';
import { type Library, openLibrary } from './library.ts';
import { bytesOf, first, openSession, runWindow } from './session.ts';

const skip = whyNoStandIn();
const directory = t.testdir();
const input = { name: 'imu_window', shape: [100, 9, 1], zeroPoint: 128, scale: 1 / 64 } as const;
const output = { name: 'latent_embeddings', shape: [1, 1, 64], order: 'NC', zeroPoint: 128, scale: 1 / 64 } as const;
const linear: StandInHef = { inputs: [input], outputs: [{ ...output, compute: { kind: 'linear', seed: 7 } }] };
const window = (seed: number) => Float32Array.from({ length: 900 }, (_, i) => Math.sin(seed + i / 7));
const answerOf = (x: Float32Array) => linearAnswer(x, 64, 7, input, output);
let libraries = 0;

interface Opened {
  readonly library: Library;
  script(...lines: string[]): Promise<void>;
  calls(): string[];
}

/** A copy of the library of its own, so that it has its own state, script and log. */
function open(version: string, ...lines: string[]): Opened {
  const own = join(directory, `library-${libraries++}`);
  mkdirSync(own);
  const [script, log] = [join(own, 'script'), join(own, 'calls')];
  Object.assign(process.env, environment(script, log));
  writeScript(script, ...lines);
  const library = openLibrary(buildStandIn({ version, directory: own }));
  return {
    library,
    script: async (...changed) => {
      writeScript(script, ...changed);
      await new Promise((resolve) => setTimeout(resolve, 30));
    },
    calls: () => readFileSync(log, 'utf8').trim().split('\n'),
  };
}

const environment = (script: string, log: string) => ({
  STANDIN_HAILORT_SCRIPT: script,
  STANDIN_HAILORT_LOG: log,
  HAILORT_LOGGER_PATH: 'NONE',
  HAILORT_CONSOLE_LOGGER_LEVEL: 'critical',
});

for (const [version, lines, identityArch] of [
  ['4.19.0', [], 1],
  ['4.23.0', [], 1],
  ['5.2.0', ['arch HAILO15H'], 3],
] as const) {
  t.test(`${version}: a full cycle answers every window by its own function, in order`, { skip }, async (t) => {
    const { library, calls } = open(version, ...lines);
    const arch = version === '5.2.0' ? 'HAILO15H' : 'HAILO8';
    const session = openSession(library, standInHef({ ...linear, arch }, { header: 1 }));
    const numbers = Buffer.alloc(12);
    library.version(numbers);
    t.equal([0, 4, 8].map((at) => numbers.readUInt32LE(at)).join('.'), version);
    t.equal(session.outputBytes, 256);
    for (let seed = 0; seed < 5; seed++)
      t.same(await runWindow(library, session, window(seed)), answerOf(window(seed)));
    for (let seed = 0; seed < 20; seed++) library.writeNow(session.input, bytesOf(window(seed)), 3600);
    const answers: unknown[] = [];
    for (let i = 0; i < 20; i++) answers.push(await readOne(library, session.output));
    t.same(
      answers,
      Array.from({ length: 20 }, (_, seed) => answerOf(window(seed))),
    );
    t.same(session.release(), [0, 0, 0, 0, 0]);
    t.same(calls().slice(-3), ['hailo_release_output_vstreams 0', 'hailo_release_hef 0', 'hailo_release_vdevice 0']);
    const device = first((out) => library.createDevice(null, out));
    const identity = Buffer.alloc(140);
    t.equal(library.identify(device, identity), 0);
    t.equal(identity.readInt32LE(56), identityArch);
    t.equal(identity.toString('latin1', 61, 61 + identity[60]!), 'HLSTANDIN0000001');
  });
}

async function readOne(library: Library, vstream: unknown, bytes = 256): Promise<Float32Array | number> {
  const frame = Buffer.alloc(bytes);
  const status = await library.read(vstream, frame, bytes);
  return status === 0 ? new Float32Array(frame.buffer, frame.byteOffset, bytes / 4).slice() : status;
}

t.test('vstream infos have the stride, shape and quantisation of their version', { skip }, async (t) => {
  for (const [version, stride, quantAt] of [
    ['4.19.0', 432, 416],
    ['4.21.0', 436, 420],
    ['5.1.1', 436, 420],
  ] as const) {
    const { library } = open(version);
    const hef = standInHef(linear, { header: 1 });
    const handle = first((out) => library.hefBuffer(out, hef, hef.length));
    const infos = Buffer.alloc(2 * 436);
    const count = [1];
    t.equal(library.vstreamInfos(handle, null, infos, count), 5, 'too little room');
    t.same(count, [2], 'the room that is needed');
    t.equal(library.vstreamInfos(handle, null, infos, count), 0);
    t.equal(infos.toString('latin1', stride, stride + 17), 'latent_embeddings');
    t.equal(infos.toString('latin1', 128, 137), 'tiny/tiny');
    t.same(
      [392, 396, 404, 408, 412].map((at) => infos.readInt32LE(at)),
      [1, 1, 100, 9, 1],
    );
    t.same([infos.readFloatLE(quantAt), infos.readFloatLE(quantAt + 4)], [128, 1 / 64]);
  }
});

t.test('a HEF is accepted and refused as the facts say, by header and version', { skip }, async (t) => {
  const damage: Record<string, (hef: Buffer) => Buffer> = {
    whole: (hef) => hef,
    truncated: (hef) => hef.subarray(0, -1),
    trailing: (hef) => Buffer.concat([hef, Buffer.from('x')]),
    flipped: (hef) => Buffer.from(hef).fill(0x7f, 100, 101),
    text: () => Buffer.from('this is no HEF but a text that somebody renamed'.repeat(4)),
    empty: () => Buffer.alloc(0),
    short: (hef) => hef.subarray(0, 20),
  };
  const statuses = (version: string, header: HeaderVersion) => {
    const { library } = open(version);
    const hef = standInHef(linear, { header, hasProtoHash: header === 3 });
    const seen = Object.entries(damage).map(([name, spoil], i) => {
      const spoilt = spoil(hef);
      const path = join(directory, `${version}-${header}-${i}.hef`);
      writeFileSync(path, spoilt);
      const file = library.hefFile([null], path);
      return [name, [file, library.hefBuffer([null], spoilt.length === 0 ? Buffer.alloc(1) : spoilt, spoilt.length)]];
    });
    return Object.fromEntries(seen);
  };
  const refused = { empty: [14, 2], short: [14, 91], text: [92, 92] };
  const good = { whole: [0, 0], truncated: [91, 91], trailing: [91, 91], flipped: [91, 91], ...refused };
  for (const header of [0, 1, 2, 3] as const) t.same(statuses('4.23.0', header), good, `4.23.0, header v${header}`);
  t.same(statuses('5.2.0', 3), { ...good, truncated: [0, 0], trailing: [0, 0] }, '5.2.0 looks at the proto part alone');
  const old = {
    truncated: [26, 26],
    trailing: [26, 26],
    flipped: [26, 26],
    text: [26, 26],
    empty: [14, 2],
    short: [14, 26],
  };
  t.same(statuses('4.19.0', 1), { whole: [0, 0], ...old });
  t.equal(statuses('4.19.0', 2).whole[0], 8, '4.19 knows headers up to v1');
  t.equal(statuses('4.20.0', 2).whole[0], 0);
  t.equal(statuses('4.20.0', 3).whole[0], 26);
  t.equal(open('4.23.0').library.hefFile([null], join(directory, 'missing.hef')), 13);
  t.equal(open('4.23.0').library.hefFile([null], directory), 14);
});

const realHef = join(import.meta.dirname, '../../../shared/hefs/fsq_m13_behavioral_analysis.hef');
const noRealHef = existsSync(realHef) ? false : 'there is no ../shared/hefs';

t.test('the header checks are those that a real HEF passes', { skip: noRealHef }, async (t) => {
  const hef = readFileSync(realHef);
  t.equal(xxh3(hef.subarray(44)), hef.readBigUInt64BE(12));
  const proto = hef.readUInt32BE(8);
  t.ok(wrapHef(hef.subarray(44, 44 + proto), { header: 2, ccws: hef.subarray(44 + proto) }).equals(hef));
});

t.test(
  'kind head is the function of the tiny ONNX; a table comes before it; per-channel scales hold',
  { skip },
  async (t) => {
    const { library } = open('4.23.0');
    const known = { inputs: window(1), outputs: Float32Array.from({ length: 64 }, (_, i) => i / 64) };
    const session = openSession(library, standInHef({ ...tinyHef({ hasMotifs: false }), table: [known] }));
    const latent = (await runWindow(library, session, window(3))) as Float32Array;
    const right = tinyLatent(window(3));
    t.ok(
      latent.every((value, k) => Math.abs(value - right[k]!) < 0.02),
      'within the quantisation',
    );
    t.same(await runWindow(library, session, window(1)), known.outputs);
    session.release();
    const channels = Array.from({ length: 64 }, (_, k) => ({ zeroPoint: 128, scale: (k + 1) / 2048 }));
    const perChannel = standInHef({ ...linear, outputs: [{ ...linear.outputs[0]!, channels }] });
    const second = openSession(library, perChannel);
    const answer = (await runWindow(library, second, window(2))) as Float32Array;
    t.ok(
      answer.every((value, k) => Number.isInteger(value / channels[k]!.scale)),
      'each on the grid of its channel',
    );
    const infos = Buffer.alloc(64 * 16);
    const count = [1];
    t.equal(library.quantInfos(second.output, infos, count), 5);
    t.equal(library.quantInfos(second.output, infos, count), 0);
    t.equal(infos.readFloatLE(63 * 16 + 4), 64 / 2048);
  },
);

t.test('sizes are exact, a silent chip times out, and a late frame stays first in line', { skip }, async (t) => {
  const { library, script } = open('4.23.0', 'silent');
  const session = openSession(library, standInHef(linear), 100);
  t.equal(library.writeNow(session.input, Buffer.alloc(3599), 3599), 2);
  t.equal(await library.read(session.output, Buffer.alloc(255), 255), 8);
  t.equal(await runWindow(library, session, window(0)), 4);
  for (let i = 1; i < 32; i++) t.equal(library.writeNow(session.input, bytesOf(window(i)), 3600), 0);
  t.equal(await library.write(session.input, bytesOf(window(32)), 3600), 4, 'the 33rd finds no room');
  await script();
  t.same(await readOne(library, session.output), answerOf(window(0)), 'the frame that was given up for lost');
});

t.test('shutdown frees a blocked read at once; release without it waits a timeout per frame', { skip }, async (t) => {
  const { library } = open('4.23.0', 'silent');
  const session = openSession(library, standInHef(linear), 60_000);
  const reading = readOne(library, session.output);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(library.shutdown(session.group), 0);
  t.equal(await reading, 63);
  t.equal(library.writeNow(session.input, bytesOf(window(0)), 3600), 63);
  t.same(session.release(), [0, 0, 0, 0, 0]);
  const second = openSession(library, standInHef(linear), 50);
  for (let i = 0; i < 4; i++) library.writeNow(second.input, bytesOf(window(i)), 3600);
  const before = performance.now();
  t.equal(await library.releaseOutputsSlowly([second.output], 1), 0);
  t.ok(performance.now() - before >= 200, 'four frames, 50 ms each');
  t.equal(library.releaseVdevice(second.vdevice), 6, 'the input vstream is still open');
  t.equal(library.releaseInputs([second.input], 1), 0);
  t.equal(library.releaseVdevice(second.vdevice), 0);
});

t.test('a lost device ends every stream until the vdevice is made anew', { skip }, async (t) => {
  const { library } = open('4.23.0', 'lost after=2');
  const session = openSession(library, standInHef(linear));
  t.same(await runWindow(library, session, window(0)), answerOf(window(0)));
  t.same(await runWindow(library, session, window(1)), answerOf(window(1)));
  t.equal(await runWindow(library, session, window(2)), 63);
  t.equal(await runWindow(library, session, window(3)), 63);
  t.same(session.release(), [0, 0, 0, 0, 0]);
  t.same(await runWindow(library, openSession(library, standInHef(linear)), window(4)), answerOf(window(4)));
});

t.test('frames that are swallowed or corrupted show', { skip }, async (t) => {
  const { library, script } = open('4.23.0', 'swallow after=1 times=1');
  const session = openSession(library, standInHef(linear), 100);
  t.same(await runWindow(library, session, window(0)), answerOf(window(0)));
  t.equal(await runWindow(library, session, window(1)), 4);
  t.same(await runWindow(library, session, window(2)), answerOf(window(2)));
  await script('corrupt');
  t.not(String(await runWindow(library, session, window(0))), String(answerOf(window(0))));
  await script('wrong_shape output');
  session.release();
  t.equal(openSession(library, standInHef(linear)).outputBytes, 260);
});

t.test('the state of the device gives the statuses of the facts', { skip }, async (t) => {
  const createdAfter = async (version: string, ...lines: string[]) => {
    const { library } = open(version, ...lines);
    return [library.createVdevice(null, [null]), library.createDevice(null, [null])];
  };
  t.same(await createdAfter('4.23.0', 'none'), [74, 6]);
  t.same(await createdAfter('4.23.0', 'busy'), [74, 0]);
  t.same(await createdAfter('4.23.0', 'no_node'), [36, 36]);
  t.same(await createdAfter('4.23.0', 'old_driver'), [85, 85]);
  t.same(await createdAfter('4.23.0', 'not_hailo'), [86, 86]);
  t.same(await createdAfter('4.23.0', 'driver 4.20.0'), [76, 76]);
  t.same(await createdAfter('4.23.0', 'no_firmware'), [6, 0]);
  t.same(await createdAfter('4.23.0', 'arch HAILO10H'), [79, 79]);
  t.same(await createdAfter('5.2.0', 'arch HAILO8'), [79, 79]);
  t.same(await createdAfter('5.2.0', 'no_firmware'), [6, 6]);
  t.same(await createdAfter('4.23.0', 'fail hailo_create_vdevice 81 times=1'), [81, 0]);
  t.throws(
    () => openSession(open('5.2.0').library, standInHef({ ...linear, arch: 'HAILO10H' })),
    /configure: 7 HAILO_NOT_IMPL/,
  );
  t.throws(() => openSession(open('4.23.0', 'arch HAILO8L').library, standInHef(linear)), /configure: 93 /);
  t.throws(
    () => openSession(open('4.19.0', 'arch HAILO8L').library, standInHef(linear, { header: 1 })),
    /configure: 26 /,
  );
});

t.test('a second holder of the device is refused, and scans see it all the same', { skip }, async (t) => {
  const { library } = open('4.23.0');
  const session = openSession(library, standInHef(linear));
  const ids = Buffer.alloc(32);
  const count = [1];
  t.same([library.scan(null, ids, count), count, ids.toString('latin1', 0, 12)], [0, [1], '0000:01:00.0']);
  const params = Buffer.alloc(40);
  library.initVdeviceParams(params);
  t.equal(library.createVdevice(params, [null]), 74);
  t.equal(library.priority(session.group, 32, null), 2);
  t.equal(library.activate(session.group, null, [null]), 6, 'the scheduler is on');
});

t.test('without the scheduler a group works once it is activated', { skip }, async (t) => {
  const { library } = open('4.23.0');
  const session = openSession(library, standInHef(linear), 500, { hasScheduler: false });
  t.equal(await runWindow(library, session, window(0)), 69);
  t.equal(library.priority(session.group, 16, null), 6);
  t.equal(library.activate(session.group, null, [null]), 0);
  t.same(await runWindow(library, session, window(0)), answerOf(window(0)));
});

t.test('sensors say what the script says', { skip }, async (t) => {
  const { library, script } = open('4.23.0', 'temperature 71.5 70', 'power 3.125', 'clock 200000000');
  const device = first((out) => library.createDevice(null, out));
  const bytes = Buffer.alloc(96);
  t.equal(library.temperature(device, bytes), 0);
  t.same([bytes.readFloatLE(0), bytes.readFloatLE(4)], [71.5, 70]);
  t.equal(library.power(device, 0x7fffffff, 0x7fffffff, bytes), 0);
  t.equal(bytes.readFloatLE(0), 3.125);
  t.equal(library.extended(device, bytes), 0);
  t.equal(bytes.readUInt32LE(0), 200_000_000);
  await script('power none');
  t.equal(library.power(device, 0x7fffffff, 0x7fffffff, bytes), 18);
  t.equal(library.releaseDevice(device), 0);
});

t.test('a notification of the script reaches the callback of its kind', { skip }, async (t) => {
  const { library, script } = open('4.23.0');
  const device = first((out) => library.createDevice(null, out));
  const told = new Promise<Buffer>((resolve) => {
    t.equal(library.setNotification(device, resolve, 10), 0);
  });
  await script('notify temperature 1 0 105.5 104', 'notify clock 400000000 200000000');
  const bytes = await told;
  t.same(
    [0, 8, 12].map((at) => bytes.readUInt32LE(at)),
    [10, 400_000_000, 200_000_000],
  );
  t.same([library.removeNotification(device, 10), library.removeNotification(device, 10)], [0, 2]);
  t.equal(library.releaseDevice(device), 0);
});

t.test('a HEF that changes before configure shows, as in its version', { skip }, async (t) => {
  const configured = (version: string, header: HeaderVersion, fromFile: boolean) => {
    const { library } = open(version);
    const hef = standInHef(linear, { header });
    const path = join(directory, 'vanishing.hef');
    writeFileSync(path, hef);
    const vdevice = first((out) => library.createVdevice(null, out));
    const handle = first((out) => (fromFile ? library.hefFile(out, path) : library.hefBuffer(out, hef, hef.length)));
    rmSync(path);
    hef.fill(0xff, 200, 210);
    return library.configure(vdevice, handle, null, [null], [1]);
  };
  t.equal(configured('4.19.0', 1, false), 26, 'the library still reads the buffer it was lent');
  t.equal(configured('4.23.0', 1, false), 0, 'the library has a copy');
  t.equal(configured('4.23.0', 2, true), 13, 'the file is opened again');
  t.equal(configured('4.23.0', 0, true), 0, 'the file was read whole');
});

t.test('the mark of the driver excludes another holder, and goes with the vdevice', { skip }, async (t) => {
  process.env.STANDIN_HAILORT_LOCK = join(directory, 'mark');
  const [one, other] = [open('4.23.0').library, open('4.23.0').library];
  const vdevice = first((out) => one.createVdevice(null, out));
  t.equal(other.createVdevice(null, [null]), 74);
  t.equal(one.releaseVdevice(vdevice), 0);
  t.equal(other.createVdevice(null, [null]), 0);
  delete process.env.STANDIN_HAILORT_LOCK;
});

t.test('a call is delayed, fails a number of times, or hangs, as the script says', { skip }, async (t) => {
  const { library, calls } = open(
    '4.23.0',
    'delay hailo_vstream_read_raw_buffer 40 times=1',
    'fail hailo_vstream_read_raw_buffer 87 after=1 times=2',
    'hang hailo_vstream_read_raw_buffer after=4',
  );
  const session = openSession(library, standInHef(linear));
  const before = performance.now();
  t.same(await runWindow(library, session, window(0)), answerOf(window(0)));
  t.ok(performance.now() - before >= 40);
  t.same([await runWindow(library, session, window(1)), await runWindow(library, session, window(2))], [87, 87]);
  t.same(await readOne(library, session.output), answerOf(window(1)));
  t.equal(calls().filter((line) => line === 'hailo_vstream_read_raw_buffer 87').length, 2);
  const { signal, calls: apart } = runApart('windows', standInHef(linear), ['hang hailo_configure_vdevice'], quiet, {
    timeoutMs: 1000,
  });
  t.same([signal, apart.at(-1)], ['SIGKILL', 'hailo_configure_vdevice hangs']);
});

t.test('names of statuses are those of the version', { skip }, async (t) => {
  const old = open('4.19.0').library;
  t.same([36, 64, 84, 85].map(old.statusName), [
    'HAILO_DRIVER_FAIL',
    'HAILO_PCIE_DRIVER_NOT_INSTALLED',
    'HAILO_CANT_MEET_BUFFER_REQUIREMENTS',
    null,
  ]);
  t.same([4, 93, 94].map(open('4.23.0').library.statusName), [
    'HAILO_TIMEOUT',
    'HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE',
    null,
  ]);
  t.same([97, 98, -1].map(open('9.9.9').library.statusName), ['HAILO_DEVICE_TEMPORARILY_UNAVAILABLE', null, null]);
});

/** Runs one deed of one-process.ts in a directory of its own. */
function runApart(
  deed: string,
  hef: Buffer,
  lines: string[],
  settings: Record<string, string> = {},
  { version = '4.23.0', timeoutMs = 30_000 }: { version?: string; timeoutMs?: number } = {},
) {
  const own = join(directory, `process-${libraries++}`);
  mkdirSync(own);
  writeFileSync(join(own, 'model.hef'), hef);
  writeScript(join(own, 'script'), ...lines);
  const library = buildStandIn({ version, directory: join(own, 'lib') });
  const { signal, stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'one-process.ts'), library, join(own, 'model.hef'), deed],
    {
      cwd: own,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        HOME: own,
        STANDIN_HAILORT_SCRIPT: join(own, 'script'),
        STANDIN_HAILORT_LOG: join(own, 'calls'),
        ...settings,
      },
    },
  );
  const calls = existsSync(join(own, 'calls')) ? readFileSync(join(own, 'calls'), 'utf8').trim().split('\n') : [];
  return { own, signal, stdout: stdout.trim(), stderr, status, calls };
}

const quiet = { HAILORT_LOGGER_PATH: 'NONE', HAILORT_CONSOLE_LOGGER_LEVEL: 'critical' };

t.test('a crash takes the process, in the call and after as many as the script says', { skip }, async (t) => {
  const { signal, calls, stdout } = runApart(
    'windows',
    standInHef(linear),
    ['crash hailo_vstream_write_raw_buffer after=2'],
    quiet,
  );
  t.same([signal, calls.at(-1), stdout], ['SIGSEGV', 'hailo_vstream_write_raw_buffer crashes', '']);
  const empty = standInHef({ ...linear, hasEmptyZeroPoints: true });
  t.equal(runApart('hefBuffer', empty, [], quiet).signal, 'SIGSEGV', 'a HEF of a newer compiler');
  t.equal(runApart('hefBuffer', empty, [], quiet, { version: '5.2.0' }).stdout, '0');
});

t.test('what is undefined behaviour in the real library ends the process with a sentence', { skip }, async (t) => {
  for (const [deed, sentence] of [
    ['useAfterRelease', /hailo_vstream_write_raw_buffer was given an input vstream that was released/],
    ['releaseOwnedDevice', /hailo_release_device was given a device that belongs to a vdevice/],
    ['wrongHandle', /hailo_release_hef was given a network group for a HEF/],
    ['changedParams', /hailo_release_vdevice found the group_id of the vdevice's params freed or changed/],
  ] as const) {
    const { signal, stderr } = runApart(deed, standInHef(linear), [], quiet);
    t.equal(signal, 'SIGABRT', deed);
    t.match(stderr, sentence);
  }
  t.match(
    runApart('load', Buffer.from(''), ['fial everything'], quiet).stdout,
    'HAILO_SUCCESS',
    'not read before a call',
  );
  t.match(
    runApart('hefBuffer', standInHef(linear), ['fial everything'], quiet).stderr,
    /line 1 is not understood: fial/,
  );
});

t.test('logs go where the environment says when the library loads', { skip }, async (t) => {
  const loud = runApart('hefBuffer', Buffer.alloc(100, 7), []);
  t.equal(loud.stdout, '92');
  t.ok(existsSync(join(loud.own, 'hailort.log')) && existsSync(join(loud.own, '.hailo/hailort/hailort.log')));
  t.match(loud.stderr, /\[error\]/);
  const silent = runApart('hefBuffer', Buffer.alloc(100, 7), [], quiet);
  t.same([existsSync(join(silent.own, 'hailort.log')), silent.stderr], [false, '']);
});
