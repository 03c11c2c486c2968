import fc from 'fast-check';
import t from 'tap';
import { type Frame, framesOf, motion, play, type Recording, record, SETTINGS, samplesOf } from './recorder.ts';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 1);
const { channels } = SETTINGS;
const bits = (values: Float32Array) => Buffer.from(values.buffer).toString('base64');

/** One recording of a stream, cut anywhere, shuffled and doubled as far as the reorder bound goes. */
const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 });
const accidents = fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 40 });

function cut(samples: Float32Array, first: number, lengths: number[], timeOf: (seq: number) => number | null): Frame[] {
  const frames: Frame[] = [];
  const total = samples.length / channels;
  for (let at = 0, i = 0; at < total; i++) {
    const length = Math.min(lengths[i % lengths.length]!, total - at);
    const seq = first + at;
    frames.push({ seq, tMs: timeOf(seq), samples: samples.slice(at * channels, (at + length) * channels) });
    at += length;
  }
  return frames;
}

/** Neighbours swapped, frames sent twice, frames that reach back into the one before. */
function disturb(frames: Frame[], kinds: number[]): Frame[] {
  const out = [frames[0]!];
  for (let i = 1; i < frames.length; i++) {
    const kind = kinds[i % kinds.length]!;
    const next = frames[i + 1];
    if (kind === 0 && next !== undefined) out.push(next, frames[i++]!);
    else if (kind === 1) out.push(frames[i]!, frames[i]!);
    else if (kind === 2) out.push(frames[i]!, frames[i - 1]!);
    else if (kind === 3 && next !== undefined) out.push(next, next, frames[i++]!);
    else out.push(frames[i]!);
  }
  return out;
}

function sameWindows(a: Recording, b: Recording): void {
  const values = ({ windows }: Recording) =>
    windows.map((w) => `${w.index} ${w.nextSeq} ${w.filled} ${bits(w.values)}`);
  if (values(a).join('\n') !== values(b).join('\n')) throw new Error('other windows');
  a.windows.forEach((window, i) => {
    const other = b.windows[i]!;
    const off = Math.max(Math.abs(window.startMs - other.startMs), Math.abs(window.endMs - other.endMs));
    if (off > 1.5e-3) throw new Error(`window ${i} is ${off} ms off`);
  });
  if (a.gaps.length + b.gaps.length > 0) throw new Error('a gap where none is');
}

t.test('however the samples are cut into frames, doubled or put out of order, the windows are the same', async (t) => {
  let windows = 0;
  let doubled = 0;
  const rates = fc.constantFrom(100, 50, 52, 128, 99.7, 73.219123, 260);
  const starts = fc.constantFrom(0, 7, 2 ** 32 - 50, 2 ** 45);
  fc.assert(
    fc.property(rates, starts, cuts, accidents, fc.boolean(), (rateHz, first, lengths, kinds, isTimed) => {
      const settings = { rateHz, gaps: { ...SETTINGS.gaps, reorder_ms: 1000 } };
      const samples = motion(first % 1000, 400, rateHz);
      const timeOf = (seq: number) => (isTimed ? 1e6 + ((seq - first) * 1000) / rateHz : null);
      const whole = record(settings);
      play(whole.timeline, cut(samples, first, [400], timeOf));
      const parts = record(settings);
      play(parts.timeline, disturb(cut(samples, first, lengths, timeOf), kinds));
      parts.timeline.flush();
      sameWindows(whole, parts);
      windows += parts.windows.length;
      doubled += parts.notices.length;
    }),
    { numRuns: 150 * RUNS },
  );
  t.ok(windows > 5000 * RUNS && doubled > 100 * RUNS, `${windows} windows, ${doubled} duplicates`);
});

t.test('at the model’s rate a window is the very samples, its times are those of its first and last', async (t) => {
  const { timeline, windows } = record();
  play(
    timeline,
    framesOf(1000, 4, 10, (seq) => seq * 10 + 0.1234),
  );
  t.same(
    windows.map(({ values, era: _era, ...window }) => ({ ...window, first: values[0], last: values.at(-1) })),
    [0, 1, 2, 3, 4].map((index) => ({
      index,
      endRow: 20 + 5 * index,
      startMs: 10_000.123 + 50 * index,
      endMs: 10_190.123 + 50 * index,
      nextSeq: 1020 + 5 * index,
      filled: 0,
      first: (1000 + 5 * index) * channels,
      last: (1020 + 5 * index) * channels - 1,
    })),
  );
  t.equal(timeline.nextSeq, 1040);
});

t.test('without any timestamp the time is the number of the sample, by the declared rate', async (t) => {
  const { timeline, windows } = record({ rateHz: 50, modelRateHz: 50 });
  play(
    timeline,
    framesOf(100, 2, 10, () => null),
  );
  t.match(windows, [{ startMs: 2000, endMs: 2380 }]);
});

t.test('a hop longer than the window leaves rows out', async (t) => {
  const { timeline, windows } = record({ hop: 30 });
  play(
    timeline,
    framesOf(0, 10, 10, () => null),
  );
  t.same(
    windows.map(({ startMs, endMs }) => [startMs, endMs]),
    [0, 300, 600].map((start) => [start, start + 190]),
  );
});

t.test('resampled rows bear the time of their place in the input', async (t) => {
  const { timeline, windows } = record({ rateHz: 50, rows: 100, hop: 1 });
  const samples = motion(0, 200, 50);
  timeline.push(0, 5000, samples);
  const { startMs, endMs, values } = windows[0]!;
  t.same(
    [startMs, endMs],
    [5000 + 7 * 20, 5000 + 7 * 20 + 990],
    'the first row lies where the kernel has all it needs',
  );
  t.ok(Math.abs(values[0]! - samples[7 * channels]!) < 1e-3);
  t.ok(Math.abs(values[2 * channels]! - samples[8 * channels]!) < 1e-3);
});

t.test('a due window can be read until newer rows take its place', async (t) => {
  const { timeline, windows } = record({ spareRows: 10 });
  const into = new Float32Array(20 * channels);
  play(
    timeline,
    framesOf(0, 3, 10, () => null),
  );
  t.ok(timeline.read(windows[0]!, into));
  t.same(into, samplesOf(0, 20));
  timeline.push(30, null, samplesOf(30, 1));
  t.notOk(timeline.read(windows[0]!, into));
  t.ok(timeline.read(windows[1]!, into));
});

t.test('a stream at 100 Hz keeps less than 20 KB', async (t) => {
  const { timeline } = record({ channels: 9, rows: 100, hop: 25, spareRows: 200 });
  t.ok(timeline.bytes > 10_000 && timeline.bytes < 20_000, `${timeline.bytes} bytes`);
});
