import fc from 'fast-check';
import t from 'tap';
import { GapSchema } from '../../../../src/core/stream-events.ts';
import { choicesOf } from '../../../../src/core/stream-hello.ts';
import { type Recording, record, SETTINGS, samplesOf } from './recorder.ts';

const { reason, action } = GapSchema.properties;
const RUNS = Number(process.env.PROPERTY_RUNS ?? 1);
const TOP = Number.MAX_SAFE_INTEGER;

const seqs = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, TOP - 1, TOP),
  fc.maxSafeNat(),
);
const times = fc.oneof(
  fc.constant(null),
  fc.integer({ min: -2000, max: 5000 }),
  fc.double({ noNaN: true }),
  fc.constantFrom(1e300, -1e308, Number.MAX_VALUE, 2 ** 42, -(2 ** 42), 5e-324, 1.8e12, Infinity, -Infinity),
);
/** A frame out of the blue, or (`seq` null) one that goes on where the stream is, `tMs` from the sample's number. */
const shots = fc.record({
  seq: fc.option(seqs, { freq: 3 }),
  tMs: times,
  count: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(1, 1000)),
  isPlain: fc.boolean(),
});
const rates = fc.oneof(fc.constantFrom(5, 100, 50, 2000, 99.7), fc.double({ min: 5, max: 2000, noNaN: true }));
const policies = fc.record({
  policy: fc.constantFrom('restart' as const, 'hold' as const, 'interpolate' as const),
  max_ms: fc.constantFrom(0, 100, 1000),
  reorder_ms: fc.constantFrom(0, 100, 1000),
});
const hops = fc.constantFrom(1, 5, 25, 1000);

type Shot = typeof shots extends fc.Arbitrary<infer S> ? S : never;

function fire(recording: Recording, rateHz: number, list: Shot[]): void {
  const { timeline } = recording;
  const most = timeline.bytes + 128 * 1024;
  for (const { seq, tMs, count, isPlain } of list) {
    const at = seq ?? timeline.nextSeq ?? 0;
    timeline.push(at, isPlain ? (at * 1000) / rateHz : tMs, samplesOf(at % 1000, count));
    if (timeline.bytes > most) throw new Error(`${timeline.bytes} bytes`);
  }
  timeline.flush();
}

function checkWindows(windows: Recording['windows']): void {
  windows.forEach(({ index, startMs, endMs, filled, values, era }, i) => {
    if (index !== i) throw new Error('windows are counted');
    if (!Number.isFinite(startMs) || !Number.isFinite(endMs)) throw new Error('a time that is none');
    const before = windows[i - 1];
    const isForward =
      before === undefined || before.era !== era || (before.startMs <= startMs && before.endMs <= endMs);
    if (startMs > endMs || !isForward) throw new Error('time goes back');
    if (filled < 0 || filled > SETTINGS.rows || !values.every(Number.isFinite)) throw new Error('wrong window');
  });
}

function checkGaps(gaps: Recording['gaps']): void {
  for (const { from_ms, to_ms, missing } of gaps) {
    if (!Number.isFinite(from_ms) || !Number.isFinite(to_ms)) throw new Error('a time that is none');
    if (!Number.isSafeInteger(missing) || missing < 0) throw new Error('missing samples are a whole number');
  }
}

const promised = (field: Parameters<typeof choicesOf>[0]) => [...choicesOf(field)].sort();

t.test('no numbers, times or sizes of frames break a stream, make it grow, or give times that are none', async (t) => {
  let windows = 0;
  let gaps = 0;
  const reasons = new Set<string>();
  const actions = new Set<string>();
  fc.assert(
    fc.property(rates, policies, hops, fc.array(shots, { maxLength: 80 }), (rateHz, policy, hop, list) => {
      const recording = record({ rateHz, gaps: policy, hop });
      fire(recording, rateHz, list);
      checkWindows(recording.windows);
      checkGaps(recording.gaps);
      windows += recording.windows.length;
      gaps += recording.gaps.length;
      for (const { reason, action } of recording.gaps) {
        reasons.add(reason);
        actions.add(action);
      }
    }),
    { numRuns: 600 * RUNS },
  );
  t.ok(windows > 1000 * RUNS && gaps > 200 * RUNS, `${windows} windows, ${gaps} gaps`);
  const anew = record(); // chance seldom makes one of these
  for (let i = 0; i < 300; i++) anew.timeline.push((i < 150 ? 5000 : -150) + i, i * 10, samplesOf(i, 1));
  for (const { reason: why } of anew.gaps) reasons.add(why);
  for (const policy of ['hold', 'interpolate'] as const) {
    const filled = record({ gaps: { policy, max_ms: 100, reorder_ms: 0 } });
    for (const seq of [0, 55]) filled.timeline.push(seq, seq * 10, samplesOf(seq, 50));
    for (const { action: what } of filled.gaps) actions.add(what);
  }
  const told = [[...reasons].sort(), [...actions].sort()];
  t.same(told, [promised(reason), promised(action)], 'every reason and action that is promised is told by some');
});

t.test('a leap over nearly all numbers restarts, at once, without a step for each that is missing', async (t) => {
  for (const policy of ['restart', 'hold', 'interpolate'] as const) {
    const { timeline, gaps, windows } = record({ gaps: { policy, max_ms: 1000, reorder_ms: 0 } });
    timeline.push(0, 0, samplesOf(0, 30));
    timeline.push(2 ** 52, 300, samplesOf(30, 30));
    timeline.flush();
    t.match(gaps, [{ missing: 2 ** 52 - 30, action: 'restarted', reason: 'missing', from_ms: 290, to_ms: 300 }]);
    t.equal(timeline.nextSeq, 2 ** 52 + 30);
    t.match(windows.at(-1), { startMs: 400, endMs: 590 });
  }
});

t.test('one frame of the far future waits until the bound, and costs nobody their order', async (t) => {
  const { timeline, gaps, windows } = record({ gaps: { policy: 'restart', max_ms: 100, reorder_ms: 100 } });
  timeline.push(2 ** 40, null, samplesOf(0, 1));
  t.equal(timeline.nextSeq, 2 ** 40 + 1, 'any first number will do');
  timeline.push(2 ** 50, null, samplesOf(0, 5));
  for (const seq of [1, 8, 5, 2, 11]) timeline.push(2 ** 40 + seq, null, samplesOf(0, seq === 2 || seq === 1 ? 4 : 3));
  t.same(gaps, []);
  t.equal(timeline.nextSeq, 2 ** 40 + 14);
  t.same(windows, []);
});

t.test('many small frames that wait are bounded in number, not only in samples', async (t) => {
  const { timeline, gaps } = record({ rateHz: 2000, gaps: { policy: 'restart', max_ms: 0, reorder_ms: 1000 } });
  timeline.push(0, null, samplesOf(0, 1));
  for (let i = 1; i <= 256; i++) timeline.push(2 * i, null, samplesOf(0, 1));
  t.same(gaps, []);
  timeline.push(514, null, samplesOf(0, 1));
  t.match(gaps, [{ missing: 1 }]);
});

t.test('one wild time costs nothing', async (t) => {
  const { timeline, gaps, windows } = record();
  for (let seq = 0; seq < 600; seq += 10)
    timeline.push(seq, seq === 300 ? 1e12 : seq === 400 ? 1e300 : seq * 10, samplesOf(seq, 10));
  t.same(gaps, []);
  t.match(windows.at(-1), { index: 116, startMs: 5800, endMs: 5990 });
});

t.test('a wild time among the first costs no restart, one as the very first no more than one', async (t) => {
  for (const wild of [0, 10]) {
    const { timeline, gaps, windows } = record();
    for (let seq = 0; seq < 3000; seq += 10) timeline.push(seq, seq === wild ? 70_000 : seq * 10, samplesOf(seq, 10));
    t.equal(gaps.length, wild === 0 ? 1 : 0);
    t.match(windows.at(-1), { endMs: 29_990 });
  }
});
