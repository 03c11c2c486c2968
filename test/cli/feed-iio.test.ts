import { closeSync, constants, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openIio } from '../../src/cli/feed-iio.ts';
import { parseFeed } from '../../src/cli/feed-options.ts';
import type { Recording, Sample } from '../../src/cli/feed-recording.ts';
import { type FakeDevice, readAttribute, writeIioTree } from '../fakes/iio-tree.ts';

const SCALES = { in_accel_scale: '0.01', in_anglvel_scale: '0.001', in_magn_scale: '0.0015' };
const IMU: FakeDevice = {
  name: 'lsm9ds1',
  attributes: { ...SCALES, in_accel_offset: '5', sampling_frequency: '119' },
  raw: { accel: [95, -5, 976], anglvel: [100, -200, 300], magn: [100, 0, -200] },
};
const NINE = ['accel', 'anglvel', 'magn'].flatMap((kind) => ['x', 'y', 'z'].map((axis) => `${kind}_${axis}`));
const buffered = (type: string): FakeDevice => ({
  ...IMU,
  scan: {
    ...Object.fromEntries(NINE.map((name) => [name, type])),
    temp: 'le:s16/16>>0',
    timestamp: 'le:s64/64>>0',
  },
});

function open(root: string, line: string): Recording {
  const options = parseFeed([...line.split(' '), '--root', root]);
  if (options === null) throw new Error('help');
  return openIio(options, () => performance.now(), new AbortController().signal);
}

async function take(recording: Recording, count: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of recording.samples()) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}

const rounded = (values: Float32Array | undefined) => [...(values ?? [])].map((value) => Number(value.toFixed(4)));
const IN_UNITS = [1, 0, 9.81, 0.1, -0.2, 0.3, 15, 0, -30];

t.test('raw values become m/s², rad/s and µT, by offset and scale', async (t) => {
  const root = t.testdir();
  writeIioTree(root, [IMU]);
  const recording = open(root, 'iio');
  t.match(recording, { rateHz: 119, isLive: true, units: { acc: 'm/s2', gyro: 'rad/s', mag: 'uT' } });
  const samples = await take(recording, 3);
  t.same(rounded(samples[2]?.values), IN_UNITS);
  t.ok((samples[2]?.timeMs ?? 0) > (samples[0]?.timeMs ?? 0), 'with the time of reading');
});

t.test('a magnetometer may be another device, and the slower one gives the rate', async (t) => {
  const root = t.testdir();
  const { magn, ...raw } = IMU.raw;
  const compass = {
    name: 'ak8975',
    attributes: {
      in_magn_x_scale: '0.0015',
      in_magn_y_scale: '0.0015',
      in_magn_z_scale: '0.003',
      in_magn_sampling_frequency: '50',
    },
    raw: { magn: magn ?? [] },
  };
  writeIioTree(root, [{ ...IMU, name: 'mpu6050', raw }, { name: 'cpu-temp', raw: {} }, compass]);
  for (const operand of ['iio', 'iio:mpu6050,ak8975', 'iio:0,2', 'iio:iio:device0,ak8975']) {
    const recording = open(root, operand);
    t.equal(recording.rateHz, 50, operand);
    t.same(rounded((await take(recording, 1))[0]?.values), IN_UNITS.with(8, -60), 'each axis by its own scale');
  }
  const fast = open(root, 'iio --rate 100');
  t.match(fast.warnings, [/gives only 50 values a second: some will come twice/]);
});

t.test('what is missing, there twice, unknown or without a scale is told', async (t) => {
  const root = t.testdir({ none: {}, one: {}, two: {}, bare: {} });
  const at = (name: string) => join(root, name);
  t.throws(() => open(at('none'), 'iio'), { code: 'NOT_FOUND', message: /no channel accel_x, .*no IIO device at all/ });
  const { magn: _, ...raw } = IMU.raw;
  writeIioTree(at('one'), [{ ...IMU, raw }]);
  t.throws(() => open(at('one'), 'iio'), { message: /no channel magn_x, magn_y, magn_z \(in lsm9ds1\)/ });
  t.throws(() => open(at('one'), 'iio:bmi160'), { message: /no IIO device "bmi160".*lsm9ds1 \(iio:device0\)/ });
  writeIioTree(at('two'), [IMU, { ...IMU, name: 'bmi160' }]);
  t.throws(() => open(at('two'), 'iio'), { code: 'USAGE', message: /in_accel_x is in lsm9ds1 .*iio:0,2/ });
  t.equal(open(at('two'), 'iio:bmi160').rateHz, 119);
  writeIioTree(at('bare'), [{ ...IMU, attributes: { in_accel_scale: '1', in_magn_scale: '1' } }]);
  t.throws(() => open(at('bare'), 'iio'), { message: /does not say the scale of in_anglvel_x/ });
  writeFileSync(join(at('bare'), 'sys/bus/iio/devices/iio:device0/in_anglvel_scale'), '1');
  t.throws(() => open(at('bare'), 'iio'), { code: 'USAGE', message: /does not say how fast it samples/ });
  t.throws(() => open(at('two'), 'iio:0 --acc-unit g --skip-bad --columns ax'), {
    code: 'USAGE',
    message: /--columns, --acc-unit, --skip-bad are not for IIO devices, which say it themselves/,
  });
  t.throws(() => open(at('two'), 'iio:0 --baud 9600'), { code: 'USAGE', message: /--baud is for a serial line/ });
  t.throws(() => open(at('two'), 'iio:0 --speed 2'), { code: 'USAGE', message: /--speed is not for sensors/ });
  t.throws(() => open(at('two'), 'iio:0 --capture buffer'), { code: 'USAGE', message: /no one device with a buffer/ });
});

/** Scans as the kernel writes them: nine values, padding, the time. */
function toScans(count: number, bytes: 2 | 4, isBig: boolean, shift: number): Buffer {
  const size = Math.ceil((9 * bytes) / 8) * 8 + 8;
  const scans = Buffer.alloc(size * count, 0xaa);
  const raw = Object.values(IMU.raw).flat();
  for (let i = 0; i < count; i += 1) {
    for (const [c, value] of raw.entries()) {
      const stored = value * 2 ** shift;
      if (isBig) scans.writeIntBE(stored, i * size + c * bytes, bytes);
      else scans.writeIntLE(stored, i * size + c * bytes, bytes);
    }
    const step = BigInt(i < 30 ? i : i + 5) * 8_403_361n;
    scans.writeBigInt64LE(1_700_000_000_000_000_000n + step, i * size + size - 8);
  }
  return scans;
}

for (const [type, bytes, isBig, shift] of [
  ['le:s16/16>>0', 2, false, 0],
  ['be:s16/16>>0', 2, true, 0],
  ['le:s20/32>>4', 4, false, 4],
] as const) {
  t.test(`buffered capture of ${type}: values, times, and all put back`, async (t) => {
    const root = t.testdir();
    writeIioTree(root, [buffered(type)]);
    const inDevice = (path: string) => readAttribute(root, `iio:device0/${path}`);
    writeFileSync(join(root, 'sys/bus/iio/devices/iio:device0/scan_elements/in_temp_en'), '1');
    const recording = open(root, 'iio');
    t.match(recording.understood, [/the buffer of lsm9ds1 \(iio:device0\) at 119 Hz, with its times/]);
    t.same(
      ['buffer/enable', 'buffer/length', 'scan_elements/in_accel_x_en', 'scan_elements/in_timestamp_en'].map(inDevice),
      ['1', '512', '1', '1'],
    );
    t.equal(inDevice('scan_elements/in_temp_en'), '0', 'what nobody wants is not between them');
    const fifo = openSync(join(root, 'dev/iio:device0'), constants.O_RDWR);
    const scans = toScans(40, bytes, isBig, shift);
    writeSync(fifo, scans.subarray(0, 101));
    const begun = take(recording, 40);
    setTimeout(() => writeSync(fifo, scans.subarray(101)), 20);
    const samples = await begun;
    closeSync(fifo);
    t.same(rounded(samples[39]?.values), IN_UNITS);
    t.same([samples[29]?.seq, samples[30]?.seq], [29, 35], 'five scans that the device lost are left out');
    t.equal(Math.round((samples[1]?.timeMs ?? 0) - (samples[0]?.timeMs ?? 0)), 8);
    recording.close();
    t.same(
      ['buffer/enable', 'buffer/length', 'scan_elements/in_accel_x_en', 'scan_elements/in_temp_en'].map(inDevice),
      ['0', '2', '0', '1'],
    );
  });
}

t.test('a buffer that another program reads is left alone', async (t) => {
  const root = t.testdir();
  writeIioTree(root, [buffered('le:s16/16>>0')]);
  writeFileSync(join(root, 'sys/bus/iio/devices/iio:device0/buffer/enable'), '1\n');
  t.throws(() => open(root, 'iio'), { code: 'UNAVAILABLE', message: /is on already: another program.*--capture poll/ });
  t.equal(readAttribute(root, 'iio:device0/buffer/enable'), '1');
  t.equal(readAttribute(root, 'iio:device0/scan_elements/in_accel_x_en'), '0');
  t.match(open(root, 'iio --capture poll').understood, [/lsm9ds1 \(iio:device0\) asked 119 times a second/]);
});

t.test('a device that is mounted turned is said to be', async (t) => {
  const root = t.testdir();
  const attributes = { ...IMU.attributes, in_accel_mount_matrix: '0, 1, 0; -1, 0, 0; 0, 0, 1' };
  writeIioTree(root, [{ ...IMU, attributes }]);
  t.match(open(root, 'iio').warnings, [/mount_matrix/]);
});
