import fc from 'fast-check';
import t from 'tap';
import { ClockFit } from '../../../../src/tasks/tcn/stream/clock-fit.ts';
import { framesOf, play, record } from './recorder.ts';

interface Stamp {
  readonly x: number;
  readonly tMs: number;
}

/**
 * The line of least squares over all stamps at once: weights halve with each minute, the slope has its prior, and time goes
 * on, at a 400th of the declared pace at least.
 */
function closedForm(stamps: Stamp[], rateHz: number): (x: number) => number {
  const nominal = 1000 / rateHz;
  const prior = (10 / nominal) ** 2;
  const last = stamps.at(-1)!.x;
  const origin = stamps[0]!;
  const points = stamps.map(({ x, tMs }) => ({
    w: 2 ** (-((last - x) * nominal) / 60_000),
    x: x - origin.x,
    y: tMs - origin.tMs - (x - origin.x) * nominal,
  }));
  const sum = (of: (p: (typeof points)[number]) => number) => points.reduce((total, p) => total + of(p), 0);
  const weight = sum(({ w }) => w);
  const meanX = sum(({ w, x }) => w * x) / weight;
  const meanY = sum(({ w, y }) => w * y) / weight;
  const fitted =
    sum(({ w, x, y }) => w * (x - meanX) * (y - meanY)) / (sum(({ w, x }) => w * (x - meanX) ** 2) + prior);
  const slope = Math.max(nominal / 400 - nominal, fitted);
  return (x) => origin.tMs + (x - origin.x) * nominal + meanY + (x - origin.x - meanX) * slope;
}

/** Repeatable noise, nearly normal. */
function createNoise(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b, -6);
}

/** Stamps that go back by more than the samples between them take. */
const STEEP: [number, number][] = [
  [12, 193],
  [1, -200],
];

t.test('the recursive fit is the line of weighted least squares over all stamps', async () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: -200, max: 200 })), {
    minLength: 2,
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, fc.constantFrom(5, 50, 100, 99.7, 2000), fc.constantFrom(0, 2 ** 45), (list, rateHz, first) => {
      const fit = new ClockFit(rateHz);
      const stamps: Stamp[] = [];
      let x = first;
      for (const [step, jitter] of list) {
        stamps.push({ x, tMs: 1e6 + ((x - first) * 1010) / rateHz + jitter / 10 });
        fit.add(x, stamps.at(-1)!.tMs);
        x += step;
      }
      const wanted = closedForm(stamps, rateHz);
      for (const place of [first, x, x + 100])
        if (Math.abs(fit.at(place) - wanted(place)) > 1e-3) throw new Error(`${fit.at(place)}, not ${wanted(place)}`);
    }),
    { examples: [[STEEP, 2000, 0]] },
  );
});

t.test('jitter of 20 ms leaves a few milliseconds, and times that only go forward', async (t) => {
  for (const seed of [1, 2, 3]) {
    const noise = createNoise(seed);
    const { timeline, windows, gaps, notices } = record();
    play(
      timeline,
      framesOf(0, 1200, 10, (seq) => 1e6 + seq * 10 + 20 * noise()),
    );
    const errors = windows.map(({ startMs, index }) => Math.abs(startMs - (1e6 + index * 50)));
    const settled = errors.slice(600);
    t.ok(Math.max(...settled) < 8, `30 s on: ${Math.max(...settled).toFixed(2)} ms`);
    t.ok(Math.max(...errors) < 40, `from the first window on: ${Math.max(...errors).toFixed(2)} ms`);
    t.ok(Math.max(...errors) > 1, 'there is jitter');
    t.ok(windows.every(({ startMs, endMs }, i) => startMs < endMs && (i === 0 || startMs > windows[i - 1]!.startMs)));
    t.same([gaps, notices], [[], []]);
    t.ok(Math.abs(timeline.measuredRateHz! - 100) < 0.1);
  }
});

t.test('a drifting crystal is followed', async (t) => {
  const { timeline, windows, gaps, notices } = record();
  const period = 10 * (1 + 200e-6);
  play(
    timeline,
    framesOf(0, 3000, 10, (seq) => seq * period),
  );
  t.ok(Math.abs(windows.at(-1)!.startMs - windows.at(-1)!.index * 5 * period) < 0.1);
  t.ok(Math.abs(timeline.measuredRateHz! - 1000 / period) < 1e-3);
  t.same([gaps, notices], [[], []]);
});

t.test('another rate than the declared one is told once, in a round number, and again when it changes', async (t) => {
  const { timeline, gaps, notices } = record();
  const noise = createNoise(7);
  const stamp = (seq: number) => seq * (1000 / 49.93) + 5 * noise();
  play(timeline, framesOf(0, 300, 10, stamp));
  t.same(notices, [{ code: 'rate', count: 1, message: 'timestamps look like 50 Hz, not the declared 100 Hz' }]);
  t.same(gaps, []);
  play(
    timeline,
    framesOf(3000, 1500, 10, (seq) => 3000 * (1000 / 49.93) + (seq - 3000) * 12.5),
  );
  t.match(notices.at(-1), { code: 'rate', message: 'timestamps look like 80 Hz, not the declared 100 Hz' });
  t.ok(notices.length < 40, `${notices.length} notices on the way`);
});

t.test('wrong rates up to tenfold are learned without a gap', async (t) => {
  for (const [declared, real] of [
    [100, 50],
    [100, 25],
    [50, 104],
    [100, 1000],
    [100, 10],
    [25, 100],
  ] as const)
    for (const length of [1, 5, 25]) {
      const { timeline, gaps, notices } = record({ rateHz: declared });
      play(
        timeline,
        framesOf(0, 1 + Math.ceil((20 * real) / length), length, (seq) => 1e9 + (seq * 1000) / real),
      );
      t.same(gaps, [], `${real} Hz declared as ${declared}, frames of ${length}`);
      t.match(notices, [{ message: `timestamps look like ${real} Hz, not the declared ${declared} Hz` }]);
      t.equal(notices.length, 1);
      t.ok(Math.abs(timeline.measuredRateHz! / real - 1) < 0.01);
    }
});

t.test('after a jump the slope that was learned goes on, from the new time', async (t) => {
  const fit = new ClockFit(100);
  for (let x = 0; x < 1000; x += 10) fit.add(x, x * 20);
  t.ok(Math.abs(fit.jumpOf(1000, 20_300) - 300) < 1);
  t.equal(fit.jumpOf(1000, 20_200), 0);
  const { periodMs } = fit;
  t.ok(Math.abs(periodMs - 20) < 0.01);
  fit.anchor(1000, 50_000);
  t.equal(fit.at(1000), 50_000);
  t.ok(Math.abs(fit.at(1100) - (50_000 + 100 * periodMs)) < 1e-6);
  fit.add(1010, 50_200);
  t.ok(Math.abs(fit.periodMs - 20) < 0.05);
});

t.test('a rate that changes on the way costs some gaps, and is then learned', async (t) => {
  for (const [before, after] of [
    [100, 50],
    [50, 100],
    [100, 25],
  ] as const) {
    const { timeline, gaps, notices } = record();
    const change = 300 * before;
    const stamp = (seq: number) => (Math.min(seq, change) * 1000) / before + (Math.max(0, seq - change) * 1000) / after;
    play(timeline, framesOf(0, (change + 120 * after) / 10, 10, stamp));
    t.ok(gaps.length > 0 && gaps.length < 10, `${before} to ${after} Hz: ${gaps.length} gaps`);
    t.ok(Math.abs(timeline.measuredRateHz! / after - 1) < 0.02);
    t.match(notices, [{ message: `timestamps look like ${Math.min(before, after)} Hz, not the declared 100 Hz` }]);
  }
});

t.test('times that run backward from the first make no line that does', async (t) => {
  const fit = new ClockFit(100);
  for (let x = 0; x < 100; x += 10) fit.add(x, -100 * x);
  t.ok(fit.periodMs > 0 && fit.at(101) > fit.at(100));
});

t.test('the measured rate is not known from a few frames, nor without timestamps', async (t) => {
  const { timeline } = record();
  play(
    timeline,
    framesOf(0, 3, 10, (seq) => seq * 10),
  );
  t.equal(timeline.measuredRateHz, null);
  const silent = record();
  play(
    silent.timeline,
    framesOf(0, 300, 10, () => null),
  );
  t.equal(silent.timeline.measuredRateHz, null);
});
