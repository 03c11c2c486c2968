import t from 'tap';
import { kernelFor } from '../../../../src/tasks/tcn/stream/kernel.ts';
import { createResampler } from '../../../../src/tasks/tcn/stream/resampler.ts';
import { describeResampling } from '../../../../src/tasks/tcn/stream/resampling.ts';
import { PASSBAND } from '../../../../src/tasks/tcn/stream/windowed-sinc.ts';

const MODEL_HZ = 100;
const RATES = [50, 52, 128, 200, 1000, 25, 99.7, 73.219123, 2000];
/** Documented: the error of a sine of size 1 anywhere in the passband, and what is left of one beyond the stopband. */
const PASSBAND_DB = -60;
const STOPBAND_DB = -60;

interface Row {
  readonly place: number;
  readonly value: number;
}

function resample(rateHz: number, samples: Float32Array): Row[] {
  const rows: Row[] = [];
  const take = (place: number, _taken: number, _isFilled: boolean, source: Float32Array, offset: number) =>
    rows.push({ place, value: source[offset]! });
  createResampler(rateHz / MODEL_HZ, 1, take).push(samples, 0, samples.length, false);
  return rows;
}

const sample = (rateHz: number, seconds: number, at: (second: number) => number) =>
  Float32Array.from({ length: Math.ceil(rateHz * seconds) }, (_, i) => at(i / rateHz));

/** The largest difference from the exact signal at the exact time of each row, in dB of 1. */
function errorDb(rateHz: number, signal: (second: number) => number, wanted = signal): number {
  const rows = resample(rateHz, sample(rateHz, 6, signal));
  if (rows.length < 300) throw new Error('too few rows');
  return 20 * Math.log10(Math.max(...rows.map(({ place, value }) => Math.abs(value - wanted(place / rateHz)))));
}

const sine = (hz: number, phase: number) => (second: number) => Math.sin(2 * Math.PI * hz * second + phase);
const PHASES = [0, 0.4, 0.9, 1.4];
const worst = (hz: number, rateHz: number) => Math.max(...PHASES.map((phase) => errorDb(rateHz, sine(hz, phase))));

for (const rateHz of RATES) {
  const slower = Math.min(rateHz, MODEL_HZ);

  t.test(`${rateHz} Hz: any sine of the passband comes through within ${PASSBAND_DB} dB`, async (t) => {
    for (let part = 0.01; part <= PASSBAND + 1e-9; part += 0.034) {
      const db = worst(part * slower, rateHz);
      t.ok(db < PASSBAND_DB, `${part.toFixed(3)} of ${slower} Hz: ${db.toFixed(1)} dB`);
    }
    t.ok(worst(0.45 * slower, rateHz) > -40, 'and the reference is one that tells an error');
  });

  t.test(`${rateHz} Hz: sums of sines, too, at the exact time of each row`, async (t) => {
    const parts = [0.04, 0.11, 0.23, 0.31].map((part, i) => sine(part * slower, i));
    const db = errorDb(rateHz, (second) => parts.reduce((sum, part) => sum + part(second) / 4, 0));
    t.ok(db < PASSBAND_DB, `${db.toFixed(1)} dB`);
  });

  t.test(`${rateHz} Hz: a constant stays what it is`, async (t) => {
    const values = new Set(
      resample(
        rateHz,
        sample(rateHz, 2, () => Math.fround(9.80665)),
      ).map(({ value }) => value),
    );
    t.same([...values], [Math.fround(9.80665)]);
  });

  t.test(`${rateHz} Hz: the rows lie on an exact grid that begins where the kernel has all its samples`, async (t) => {
    const rows = resample(
      rateHz,
      sample(rateHz, 3, () => 0),
    );
    const { half } = kernelFor(rateHz / MODEL_HZ);
    const off = rows.map(({ place }, j) => Math.abs(place - (half - 1 + (j * rateHz) / MODEL_HZ)));
    t.ok(Math.max(...off) < 1e-9);
    t.equal(rows.length, Math.ceil(((Math.ceil(rateHz * 3) - 2 * half + 1) * MODEL_HZ) / rateHz - 1e-9));
  });
}

for (const rateHz of RATES.filter((rate) => rate > MODEL_HZ)) {
  t.test(`${rateHz} Hz: what the model's rate cannot hold is damped, not folded into the passband`, async (t) => {
    for (let hz = (1 - PASSBAND) * MODEL_HZ; hz < rateHz / 2; hz += rateHz / 40)
      for (const phase of PHASES) {
        const db = errorDb(rateHz, sine(hz, phase), () => 0);
        t.ok(db < STOPBAND_DB, `${hz.toFixed(1)} Hz: ${db.toFixed(1)} dB`);
      }
  });
}

t.test('a periodic signal agrees with its trigonometric interpolation', async (t) => {
  const period = 64;
  const highest = Math.floor(PASSBAND * period);
  const coefficients = Array.from({ length: highest }, (_, k) => [Math.sin(3 * k + 1), Math.cos(7 * k * k)] as const);
  const wave = (i: number) =>
    coefficients.reduce((sum, [a, b], k) => {
      const angle = (2 * Math.PI * (k + 1) * i) / period;
      return sum + (a * Math.cos(angle) + b * Math.sin(angle)) / highest;
    }, 0);
  const samples = Float32Array.from({ length: 640 }, (_, i) => wave(i));
  for (const rateHz of [50, 52, 25, 99.7]) {
    const off = resample(rateHz, samples).map(({ place, value }) =>
      Math.abs(value - interpolate(samples, period, place)),
    );
    t.ok(20 * Math.log10(Math.max(...off)) < PASSBAND_DB, `${rateHz} Hz`);
  }
});

/** By the discrete Fourier transform of one period, summed at a place between the samples. */
function interpolate(samples: Float32Array, period: number, place: number): number {
  let sum = 0;
  for (let k = -period / 2 + 1; k < period / 2; k++)
    for (let i = 0; i < period; i++) sum += samples[i]! * Math.cos((2 * Math.PI * k * (place - i)) / period);
  return sum / period;
}

t.test('the model’s own rate is passed through, bit for bit', async (t) => {
  const samples = Float32Array.from({ length: 50 }, (_, i) => Math.tan(i) * 1e7);
  t.same(
    resample(100, samples),
    [...samples].map((value, place) => ({ place, value })),
  );
});

t.test('a row hangs on filled samples as long as one of its weights does', async (t) => {
  const flags: boolean[] = [];
  const resampler = createResampler(2, 1, (_place, _taken, isFilled) => flags.push(isFilled));
  const { half } = kernelFor(2);
  resampler.push(new Float32Array(2 * half + 4), 0, 2 * half + 4, false);
  resampler.push(new Float32Array(3), 0, 3, true);
  resampler.push(new Float32Array(4 * half), 0, 4 * half, false);
  const filled = flags.flatMap((isFilled, row) => (isFilled ? [row] : []));
  const wanted = flags.flatMap((_, row) => (2 * row + 2 * half > 2 * half + 4 && 2 * row < 2 * half + 7 ? [row] : []));
  t.same(filled, wanted);
});

t.test('a kernel is shared by all streams of a ratio; one with too many places keeps no table', async (t) => {
  t.equal(kernelFor(0.52), kernelFor(0.52));
  t.equal(kernelFor(0.52).table?.length, 25 * 16);
  t.equal(kernelFor(0.997).table, null);
  t.same([kernelFor(0.997).numerator, kernelFor(0.997).denominator], [997, 1000]);
});

t.test('a million rates leave a bounded number of tables', async (t) => {
  const first = kernelFor(1.5);
  for (let i = 1; i <= 100; i++) kernelFor(i / 64);
  t.not(kernelFor(1.5), first);
  t.same(kernelFor(1.5).table, first.table);
});

t.test('the client is told what its samples wait for', async (t) => {
  t.equal(describeResampling(100, 100), null);
  t.same(
    [50, 200, 99.7].map((rate) => describeResampling(rate, 100)),
    [
      { method: 'sinc, Kaiser window, 8 zero crossings', delay_ms: 160, passband_hz: 17.5 },
      { method: 'sinc, Kaiser window, 8 zero crossings', delay_ms: 80, passband_hz: 35 },
      { method: 'sinc, Kaiser window, 8 zero crossings', delay_ms: 80.241, passband_hz: 34.895 },
    ],
  );
});
