import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { simulate } from '../../../scripts/model/sentinel.ts';
import { rescale, type Tally, tallyMotifs, toDegrees, toG } from '../../../scripts/model/unit-tally.ts';
import { CHANNELS, ROWS } from '../../../src/tasks/tcn/schema.ts';
import { inspectUnits } from '../../../src/tasks/tcn/sentinel.ts';
import { DOMAINS, readWindows } from '../../fixtures/imu-windows.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const SAMPLES = join(ROOT, '..', 'shared', 'samples');
const BUNDLE = join(ROOT, 'packaging', 'models', 'default');
const SECONDS = 0.01;
const RAD = Math.PI / 180;

type Vector = readonly [number, number, number];
const UP: Vector = [0, 0, 9.81];
const FIELD: Vector = [22, 0, -42];
const NONE: Vector = [0, 0, 0];

/** A window from what each sensor reads at a row. */
function toWindow(acc: (row: number) => Vector, gyro: (row: number) => Vector, mag: (row: number) => Vector) {
  return Float32Array.from(Array.from({ length: ROWS }, (_, row) => [...acc(row), ...gyro(row), ...mag(row)]).flat());
}

/** Numbers in ±1 that are the same in every run. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const jitter = (around: Vector, by: number, seed: number) => {
  const next = noise(seed);
  return (): Vector => [around[0] + by * next(), around[1] + by * next(), around[2] + by * next()];
};
const always = (vector: Vector) => () => vector;

/** Seen from a body that turns about z by `rate` rad/s: a vector fixed in the world. */
const seenTurning =
  (vector: Vector, rate: number) =>
  (row: number): Vector => {
    const [cos, sin] = [Math.cos(rate * row * SECONDS), Math.sin(rate * row * SECONDS)];
    return [cos * vector[0] + sin * vector[1], cos * vector[1] - sin * vector[0], vector[2]];
  };

const says = (window: Float32Array) => inspectUnits(window).map(({ code }) => code);
const readBody = (file: string) => Float32Array.from(JSON.parse(readFileSync(file, 'utf8')).x.flat());

t.test('what it says, in constants that every window shares', async (t) => {
  const walk = readBody(join(BUNDLE, 'examples', 'walk.json'));
  const gyro = { code: 'gyro_deg_s', text: 'gyro looks like deg/s' };
  const acc = { code: 'acc_g', text: 'acceleration looks like g' };
  const windows = [walk, toDegrees(walk), toG(walk), toG(toDegrees(walk))];
  t.strictSame(windows.map(inspectUnits), [[], [gyro], [acc], [gyro, acc]]);
  for (const window of windows) {
    const before = window.slice();
    const answer = inspectUnits(window);
    t.equal(answer, inspectUnits(window.slice()), 'the same object again');
    t.ok([answer, ...answer].every(Object.isFrozen), 'nobody can change it');
    t.strictSame(window, before, 'the window is left as it was');
  }
});

/** In percent. Promised are 1 and 95; what is asked here is what it does. Vehicles need the magnetometer. */
function checkTally(t: Tap, name: string, { falseAlarms, degPerS, g, both, degPerSNoMag }: Tally): void {
  t.ok(falseAlarms < 1, `${name}: false alarms ${falseAlarms} %`);
  t.ok(degPerS > 98, `${name}: deg/s caught ${degPerS} %`);
  t.ok(g > 98, `${name}: g caught ${g} %`);
  t.ok(both > 98, `${name}: both caught ${both} %`);
  t.ok(degPerSNoMag > 92, `${name}: deg/s without a magnetometer caught ${degPerSNoMag} %`);
}
type Tap = typeof t;

for (const domain of DOMAINS) {
  t.test(`the windows that come with the tests, ${domain} domain`, async (t) => {
    const tally = tallyMotifs(readWindows(domain));
    checkTally(t as Tap, domain, tally.all!);
    for (const [motif, { degPerS, g }] of Object.entries(tally))
      t.ok(degPerS > 90 && g > 80, `${motif}: deg/s ${degPerS} %, g ${g} %`);
  });
}

const noNumpy = spawnSync('/usr/bin/python3', ['-c', 'import numpy']).status !== 0 && 'python3 has no numpy here';

t.test('fresh windows from the simulator', { skip: noNumpy }, async (t) => {
  for (const domain of DOMAINS) checkTally(t as Tap, domain, tallyMotifs(simulate(domain, 100)).all!);
});

t.test('the examples and golden windows of the bundle that ships', async (t) => {
  const files = readdirSync(join(BUNDLE, 'examples'));
  const golden: { name: string; x: number[][] }[] = JSON.parse(
    readFileSync(join(BUNDLE, 'golden.json'), 'utf8'),
  ).windows;
  const windows = [
    ...files.map((file) => [file, readBody(join(BUNDLE, 'examples', file))] as const),
    ...golden.map(({ name, x }) => [`golden ${name}`, Float32Array.from(x.flat())] as const),
  ];
  t.equal(windows.length, 16);
  for (const [name, window] of windows) {
    t.strictSame(says(window), [], name);
    t.strictSame(says(toG(toDegrees(window))), ['gyro_deg_s', 'acc_g'], `${name} in deg/s and g`);
  }
});

t.test('the samples published with EdgeInfer', { skip: !existsSync(SAMPLES) && 'no ../shared here' }, async (t) => {
  const sample = (name: string) => says(readBody(join(SAMPLES, `${name}_imu_sample.json`)));
  t.strictSame(sample('realistic'), ['gyro_deg_s'], 'gyro ±20: rad/s would turn gravity, and gravity stays');
  t.strictSame(sample('static'), ['gyro_deg_s'], '19 deg/s in rad/s while the field stays');
  t.strictSame(sample('random'), [], '±1 on every channel: neither gravity nor field, so nothing to go by');
});

t.test('samples like the published ones', async (t) => {
  const lively = toWindow(jitter([0, 0, 9.5], 1, 1), jitter(NONE, 20, 2), jitter(NONE, 25, 3));
  const fivefold: Vector[] = [NONE, [1, 0.5, 0.2], [-0.5, -0.3, 0.1], [2, 1, 0.5], [-1, -0.8, -0.2]];
  const still = toWindow(jitter(UP, 0.2, 1), (row) => fivefold[row % 5]!, jitter(FIELD, 0.5, 2));
  const random = toWindow(jitter(NONE, 1, 1), jitter(NONE, 1, 2), jitter(NONE, 1, 3));
  t.strictSame([lively, still, random].map(says), [['gyro_deg_s'], ['gyro_deg_s'], []]);
});

t.test('the field decides: the same turn in both units', async (t) => {
  const turning = (rate: number, acc: Vector, mag: Vector, unit = 1) =>
    says(toWindow(seenTurning(acc, rate), always([0, 0, rate * unit]), seenTurning(mag, rate)));
  const lying: Vector = [0, 9.81, 0];
  t.strictSame(turning(2, UP, FIELD), [], 'rad/s');
  t.strictSame(turning(2, UP, FIELD, 1 / RAD), ['gyro_deg_s'], 'deg/s');
  t.strictSame(turning(2, UP, [0.22, 0, -0.42], 1 / RAD), ['gyro_deg_s'], 'a field in gauss does as well');
  t.strictSame(turning(2, lying, NONE), [], 'rad/s, no magnetometer');
  t.strictSame(turning(2, lying, NONE, 1 / RAD), ['gyro_deg_s'], 'deg/s, no magnetometer');
  t.strictSame(turning(2, NONE, FIELD, 1 / RAD), ['gyro_deg_s'], 'deg/s, no accelerometer');
  t.strictSame(turning(2, NONE, NONE, 1 / RAD), ['gyro_deg_s'], 'nothing but the gyroscope, faster than any animal');
  t.strictSame(turning(20, NONE, NONE), [], 'nothing but the gyroscope, as fast as a shake');
});

t.test('one witness for rad/s is enough, and one that is blind is not asked', async (t) => {
  const turning = (mag: (row: number) => Vector) =>
    says(toWindow(seenTurning([0, 9.81, 0], 2), always([0, 0, 2]), mag));
  t.strictSame(turning(always(FIELD)), [], 'stuck');
  t.strictSame(turning(jitter(FIELD, 0.5, 1)), [], 'shielded: gravity takes it back');
  const iron = (row: number): Vector => [400 + seenTurning(FIELD, 2)(row)[0], seenTurning(FIELD, 2)(row)[1], -42];
  t.strictSame(says(toWindow(always(NONE), always([0, 0, 2]), iron)), [], 'hard iron of 400 µT');
  const swing = toWindow(jitter([0, 9.81, 0], 0.1, 1), always([0, 0, 2]), seenTurning(FIELD, 2));
  t.strictSame(says(swing), [], 'and a good one takes it back where a centrifuge holds gravity still');
});

t.test('at rest', async (t) => {
  const resting = (rate: Vector, acc = UP) =>
    says(toWindow(jitter(acc, 0.05, 1), jitter(rate, 0.02, 2), jitter(FIELD, 0.5, 3)));
  t.strictSame(resting([0.1, 0, 0.15]), [], 'an uncalibrated gyroscope, 10 deg/s off, in rad/s');
  t.strictSame(resting([0.2, 0, 0.1]), [], 'a good one in deg/s looks just the same: nobody can tell');
  t.strictSame(resting([0.5, 0.3, 0.2]), ['gyro_deg_s'], 'a plain one in deg/s');
  t.strictSame(resting(NONE, [0, 0, 1]), ['acc_g'], '1 g');
});

t.test('nothing to go by, nothing said', async (t) => {
  const constant = (...row: number[]) => Float32Array.from({ length: ROWS * CHANNELS }, (_, i) => row[i % CHANNELS]!);
  t.strictSame(says(new Float32Array(ROWS * CHANNELS)), [], 'zeros');
  t.strictSame(says(constant(...UP, ...NONE, ...FIELD)), [], 'the window of POST /test');
  t.strictSame(says(constant(...UP, 10, -5, 3, ...FIELD)), [], 'one row a hundred times over: every sensor is stuck');
  t.strictSame(says(constant(0, 0, 1, ...NONE, ...NONE)), ['acc_g'], 'but 1 g is 1 g');
});

t.test('a fall is not 1 g, however long', async (t) => {
  for (const rows of [60, 76, 100]) {
    const acc = (row: number): Vector => (row < rows ? [0.2, 0.1, 0.3] : UP);
    const window = toWindow(acc, jitter(NONE, 0.1, 1), jitter(FIELD, 0.5, 2));
    t.strictSame(says(window), [], `${rows * SECONDS} s`);
  }
});

t.test('windows that are z-scored already: not a word about g, none about deg/s here', async (t) => {
  const { mean, std } = { mean: [0, 0, 2, 0, 0, 0, 0, 0, -4], std: [4, 8, 8.6, 3, 1.2, 1.2, 20, 29, 33] };
  const { windows } = readWindows('held-out');
  const scored = windows.map((window) => window.map((value, i) => (value - mean[i % 9]!) / std[i % 9]!));
  t.strictSame(scored.flatMap(says), []);
});

const anyWindow = fc
  .tuple(
    fc.array(fc.oneof(fc.float(), fc.float({ min: -100, max: 100, noNaN: true })), { minLength: 1, maxLength: 60 }),
    fc.integer({ min: 1, max: 97 }),
  )
  .map(([pool, stride]) => Float32Array.from({ length: ROWS * CHANNELS }, (_, i) => pool[(i * stride) % pool.length]!));
const real = fc.constantFrom(...DOMAINS.flatMap((domain) => readWindows(domain).windows));
const ofAnyUnit = fc.tuple(real, fc.constantFrom(1, 1 / RAD)).map(([window, unit]) => rescale(window, 1, unit));

t.test('any float32 whatever: one of the four answers, never an error', async (t) => {
  const walk = readBody(join(BUNDLE, 'examples', 'walk.json'));
  const answers = new Set([walk, toDegrees(walk), toG(walk), toG(toDegrees(walk))].map(inspectUnits));
  fc.assert(
    fc.property(anyWindow, (window) => answers.has(inspectUnits(window))),
    { numRuns: 2000 },
  );
  t.equal(answers.size, 4);
});

t.test('about the gyroscope it says the same, whatever the units of acceleration and field', async (t) => {
  const isDegrees = (window: Float32Array) => says(window).includes('gyro_deg_s');
  const power = fc.integer({ min: -12, max: 0 }).map((exponent) => 2 ** exponent);
  fc.assert(
    fc.property(
      ofAnyUnit,
      power,
      power,
      (window, acc, mag) => isDegrees(window) === isDegrees(rescale(window, acc, 1, mag)),
    ),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('it says the same, whichever way the sensor is mounted', async (t) => {
  const signs = fc.constantFrom([1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]);
  const mounted = (window: Float32Array, turn: number, sign: readonly number[]) =>
    window.map((_, i) => sign[i % 3]! * window[i - (i % 3) + ((i + turn) % 3)]!);
  fc.assert(
    fc.property(
      ofAnyUnit,
      fc.nat(2),
      signs,
      (window, turn, sign) => inspectUnits(window) === inspectUnits(mounted(window, turn, sign)),
    ),
    { numRuns: 500 },
  );
  t.pass();
});
