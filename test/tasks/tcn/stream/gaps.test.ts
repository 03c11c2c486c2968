import t from 'tap';
import { framesOf, play, record, SETTINGS, samplesOf } from './recorder.ts';

const { channels } = SETTINGS;
const steady = (seq: number) => 5000 + seq * 10;
const gaps = (policy: 'restart' | 'hold' | 'interpolate', max_ms = 100, reorder_ms = 0) => ({
  gaps: { policy, max_ms, reorder_ms },
});

/** `before` samples, `missing` that never come, then 40 more, all on one clock. */
function playWithHole(settings: ReturnType<typeof gaps>, missing: number, before = 30) {
  const recording = record(settings);
  play(recording.timeline, framesOf(0, before / 10, 10, steady));
  play(recording.timeline, framesOf(before + missing, 4, 10, steady));
  return recording;
}

t.test('restart: the window begins anew after the missing samples, and the client is told', async (t) => {
  const { gaps: told, windows } = playWithHole(gaps('restart'), 3);
  t.same(told, [{ from_ms: 5290, to_ms: 5330, missing: 3, action: 'restarted', reason: 'missing', next_seq: 43 }]);
  t.same(
    windows.map(({ index, startMs, endMs, filled }) => [index, startMs, endMs, filled]),
    [
      [0, 5000, 5190, 0],
      [1, 5050, 5240, 0],
      [2, 5100, 5290, 0],
      [3, 5330, 5520, 0],
      [4, 5380, 5570, 0],
      [5, 5430, 5620, 0],
      [6, 5480, 5670, 0],
      [7, 5530, 5720, 0],
    ],
  );
  t.same(windows[3]!.values, samplesOf(33, 20));
});

t.test('hold: the last sample stands in, the times go on, each window says how many rows hang on it', async (t) => {
  const { gaps: told, windows } = playWithHole(gaps('hold'), 10);
  t.match(told, [{ missing: 10, action: 'held', reason: 'missing', from_ms: 5290, to_ms: 5400 }]);
  t.same(
    windows.map(({ startMs, filled }) => [startMs, filled]),
    [0, 0, 0, 5, 10, 10, 10, 5, 0, 0, 0, 0, 0].map((filled, i) => [5000 + 50 * i, filled]),
  );
  const held = windows[4]!.values;
  t.same(
    held.slice(10 * channels),
    Float32Array.from({ length: 10 * channels }, (_, i) => 29 * channels + (i % channels)),
  );
  t.same([windows[3]!.nextSeq, windows[4]!.nextSeq], [40, 40], 'what was given up is needed no more');
});

t.test('interpolate: a straight line from the sample before to the one after', async (t) => {
  const { gaps: told, windows } = playWithHole(gaps('interpolate'), 10);
  t.match(told, [{ missing: 10, action: 'interpolated' }]);
  const wanted = samplesOf(20, 20);
  t.ok(
    windows[4]!.values.every((value, i) => Math.abs(value - wanted[i]!) < 1e-4),
    'a line through samples on a line',
  );
});

t.test('a hole longer than max_ms restarts, whatever the policy', async (t) => {
  for (const policy of ['hold', 'interpolate'] as const) {
    t.match(playWithHole(gaps(policy), 11).gaps, [{ action: 'restarted', missing: 11 }]);
    t.match(playWithHole(gaps(policy, 0), 1).gaps, [{ action: 'restarted', missing: 1 }]);
    t.match(playWithHole(gaps(policy, 1000), 100).gaps, [{ action: policy === 'hold' ? 'held' : 'interpolated' }]);
  }
});

t.test('while rows are resampled, all rows that hang on a filled sample count', async (t) => {
  const recording = record({ ...gaps('hold'), rateHz: 50, rows: 100, hop: 100 });
  const timeOf = (seq: number) => seq * 20;
  play(recording.timeline, framesOf(0, 1, 40, timeOf));
  play(recording.timeline, framesOf(41, 1, 59, timeOf));
  t.match(recording.windows, [{ index: 0, startMs: 140, filled: 32 }]);
});

t.test('what comes early waits for the missing samples, by samples', async (t) => {
  const { timeline, gaps: told, windows } = record(gaps('restart', 100, 100));
  const frames = [...framesOf(0, 4, 5, steady)];
  play(timeline, [frames[0]!, frames[2]!, frames[3]!]);
  t.equal(timeline.nextSeq, 5);
  t.same(told, [], 'ten samples wait, as long as the bound');
  play(timeline, [frames[1]!]);
  t.equal(timeline.nextSeq, 20);
  t.same(windows[0]!.values, samplesOf(0, 20));

  play(timeline, framesOf(25, 2, 5, steady));
  t.same(told, []);
  timeline.push(35, steady(35), samplesOf(35, 1));
  t.match(told, [{ missing: 5, from_ms: 5190, to_ms: 5250, reason: 'missing' }], 'the eleventh is too many');
  t.equal(timeline.nextSeq, 36);
});

t.test('what comes after it was given up is late, what was known is a duplicate', async (t) => {
  const { timeline, notices } = record(gaps('restart'));
  play(timeline, framesOf(0, 1, 10, steady));
  play(timeline, framesOf(15, 1, 10, steady));
  play(timeline, framesOf(10, 1, 5, steady));
  play(timeline, framesOf(0, 1, 7, steady));
  play(timeline, framesOf(20, 1, 10, steady));
  t.same(
    notices.map(({ code, count }) => [code, count]),
    [
      ['late', 5],
      ['duplicate', 7],
      ['duplicate', 5],
    ],
  );
  t.equal(timeline.nextSeq, 30);
});

t.test('what lies before the first sample of all came too late', async (t) => {
  const { timeline, notices } = record();
  play(timeline, framesOf(10, 1, 5, steady));
  play(timeline, framesOf(5, 1, 5, steady));
  t.same(notices, [{ code: 'late', count: 5, message: 'Samples from 5 on came too late; dropped' }]);
  t.equal(timeline.nextSeq, 15);
});

t.test('what replaces a waiting frame waits instead of it, not beside it', async (t) => {
  const { timeline, gaps: told } = record();
  play(timeline, framesOf(0, 1, 2, steady));
  play(timeline, framesOf(6, 1, 2, steady));
  play(timeline, framesOf(4, 1, 10, steady));
  t.same(told, []);
  play(timeline, framesOf(2, 1, 2, steady));
  t.equal(timeline.nextSeq, 14);
});

t.test('flush settles what waits', async (t) => {
  const { timeline, gaps: told } = record(gaps('restart', 100, 1000));
  for (const seq of [0, 10, 6, 14]) timeline.push(seq, steady(seq), samplesOf(seq, 2));
  t.same([told.length, timeline.nextSeq], [0, 2]);
  timeline.flush();
  t.match(told, [{ missing: 4 }, { missing: 2 }, { missing: 2 }]);
  t.equal(timeline.nextSeq, 16);
});

t.test('frames that wait and overlap are kept once, and come out whole', async (t) => {
  const { timeline, windows, gaps: told, notices } = record(gaps('restart', 100, 300));
  for (const [seq, count] of [
    [0, 2],
    [10, 5],
    [6, 6],
    [4, 15],
    [18, 4],
    [3, 4],
    [2, 1],
  ] as const)
    timeline.push(seq, steady(seq), samplesOf(seq, count));
  t.same(told, []);
  t.same(windows[0]!.values, samplesOf(0, 20));
  t.equal(timeline.nextSeq, 22);
  t.equal(
    notices.reduce((sum, { count }) => sum + count, 0),
    2 + 5 + 6 + 15 + 4 + 4 + 1 + 0 - 22,
  );
});

t.test('a step of the clock forward is a gap, by the policy', async (t) => {
  const leap = (ms: number) => (seq: number) => steady(seq) + (seq >= 150 ? ms : 0);
  const cases = [
    [gaps('restart'), 240, []],
    [gaps('restart'), 500, [{ action: 'restarted', reason: 'time_forward', missing: 50, from_ms: 6490, to_ms: 7000 }]],
    [gaps('hold', 1000), 500, [{ action: 'held', reason: 'time_forward', missing: 50, from_ms: 6490, to_ms: 7000 }]],
    [gaps('interpolate', 400), 500, [{ action: 'restarted', reason: 'time_forward', missing: 50 }]],
  ] as const;
  for (const [settings, ms, wanted] of cases) {
    const { timeline, gaps: told, windows } = record(settings);
    play(timeline, framesOf(0, 30, 10, leap(ms)));
    t.match(told, wanted);
    t.equal(told.length, wanted.length);
    if (ms === 500) t.equal(windows.at(-1)!.endMs, steady(299) + 500, 'the times follow');
  }
});

t.test('a filled gap in time: rows for the time that passed, while the numbers go on', async (t) => {
  const { timeline, windows } = record(gaps('hold', 1000));
  play(
    timeline,
    framesOf(0, 30, 10, (seq) => steady(seq) + (seq >= 150 ? 300 : 0)),
  );
  t.equal(
    windows.reduce((sum, { filled }) => sum + filled, 0),
    30 * 4,
    'each filled row is in four windows',
  );
  t.ok(windows.every(({ startMs, index }) => startMs === 5000 + 50 * index));
  t.equal(windows.at(-1)!.nextSeq, 300);
});

t.test('a step of the clock backward restarts at the new time', async (t) => {
  const { timeline, windows, gaps: told } = record(gaps('hold', 1000));
  play(
    timeline,
    framesOf(0, 30, 10, (seq) => steady(seq) - (seq >= 150 ? 4000 : 0)),
  );
  t.match(told, [{ action: 'restarted', reason: 'time_backward', missing: 0, from_ms: 6490, to_ms: 2500 }]);
  t.equal(windows.at(-1)!.endMs, steady(299) - 4000);
});

t.test('a client that begins to count anew is followed; one that repeats old samples is not', async (t) => {
  const cases = [
    { name: 'clock goes on', timeOf: (seq: number) => steady(seq + 2000), isAnew: true },
    { name: 'clock begins anew as well', timeOf: (seq: number) => seq * 10, isAnew: true },
    { name: 'old samples with their old times', timeOf: steady, isAnew: false },
  ];
  for (const { name, timeOf, isAnew } of cases) {
    const { timeline, gaps: told, windows, notices } = record();
    play(
      timeline,
      framesOf(100_000, 200, 10, (seq) => steady(seq) - 1e6),
    );
    const before = windows.length;
    play(timeline, framesOf(isAnew ? 0 : 100_000, 4, 10, isAnew ? timeOf : (seq) => steady(seq) - 1e6));
    t.match(told, isAnew ? [{ reason: 'seq_backward', action: 'restarted', missing: 0 }] : [], name);
    t.equal(told.length, isAnew ? 1 : 0, name);
    t.equal(timeline.nextSeq, isAnew ? 40 : 102_000, name);
    t.equal(windows.length - before, isAnew ? 5 : 0, name);
    t.equal(notices.length, isAnew ? 0 : 4, name);
  }
});

t.test('what waits when the client counts anew comes first', async (t) => {
  const { timeline, gaps: told } = record();
  play(
    timeline,
    framesOf(100_000, 1, 10, () => null),
  );
  play(
    timeline,
    framesOf(100_015, 1, 5, () => null),
  );
  play(
    timeline,
    framesOf(0, 101, 10, () => null),
  );
  t.match(told, [
    { reason: 'missing', missing: 5 },
    { reason: 'seq_backward', missing: 0 },
  ]);
  t.equal(timeline.nextSeq, 1010);
});

t.test('the time of the frame after a gap counts as any other', async (t) => {
  const { timeline, gaps: told } = record(gaps('restart'));
  timeline.push(0, 0, samplesOf(0, 10));
  timeline.push(20, 300, samplesOf(20, 10));
  t.ok(told[0]!.to_ms > 220 && told[0]!.to_ms < 300, `${told[0]!.to_ms} ms: between what was expected and what came`);
});

t.test('a stream without any time that is counted anew has the time of its new numbers', async (t) => {
  const { timeline, windows, gaps: told } = record();
  play(
    timeline,
    framesOf(100_000, 2, 10, () => null),
  );
  play(
    timeline,
    framesOf(0, 102, 10, () => null),
  );
  t.match(told, [{ reason: 'seq_backward', from_ms: 1_000_190, to_ms: 10_000 }]);
  t.same(
    windows.map(({ startMs }) => startMs),
    [1_000_000, 10_000],
  );
});

t.test('a device that starts again, number, clock and all, is followed after ten seconds of the same', async (t) => {
  const { timeline, gaps: told } = record();
  play(timeline, framesOf(0, 3000, 10, steady));
  play(timeline, framesOf(0, 100, 10, steady));
  t.same(told, []);
  play(timeline, framesOf(1000, 5, 10, steady));
  t.match(told, [{ reason: 'seq_backward', from_ms: steady(29_999), to_ms: steady(1000) }]);
  t.equal(timeline.nextSeq, 1050);
});

t.test('without timestamps only what goes on for ten seconds is a device that starts again', async (t) => {
  const timeless = () => null;
  for (const timeOf of [timeless, steady]) {
    const { timeline, gaps: told, windows, notices } = record();
    play(timeline, framesOf(0, 200, 10, timeless));
    play(timeline, framesOf(500, 1, 10, timeOf));
    play(timeline, framesOf(2000, 2, 10, timeless));
    t.same(told, [], 'one frame repeated');
    t.same(notices, [{ code: 'duplicate', count: 10, message: 'Samples from 500 on came twice; dropped' }]);
    t.equal(windows.length, 401);
    play(timeline, framesOf(0, 100, 10, timeOf));
    t.same([told, timeline.nextSeq], [[], 2020]);
    play(timeline, framesOf(1000, 1, 10, timeOf));
    t.match(told, [{ reason: 'seq_backward', action: 'restarted', missing: 0 }]);
    t.equal(timeline.nextSeq, 1010);
  }
});

t.test('the first timestamp of all, after samples without any, is no jump: times leap to it, once', async (t) => {
  const start = 1.79e12;
  for (const settings of [gaps('restart'), gaps('hold', 1000)]) {
    const { timeline, windows, gaps: told } = record(settings);
    play(
      timeline,
      framesOf(100, 6, 10, (seq) => (seq < 130 ? null : start + seq * 10)),
    );
    t.same(told, []);
    t.same(
      windows.map(({ startMs, endMs, filled }) => [startMs, endMs, filled]),
      [1000, 1050, 1100, ...[1150, 1200, 1250, 1300, 1350, 1400].map((ms) => start + ms)].map((ms) => [
        ms,
        ms + 190,
        0,
      ]),
      'no window is partly of one clock and partly of another',
    );
  }
});

t.test('the first timestamp after a hole says when the samples on both sides of it were taken', async (t) => {
  const { timeline, gaps: told } = record(gaps('restart'));
  play(
    timeline,
    framesOf(0, 2, 10, () => null),
  );
  play(timeline, framesOf(25, 2, 10, steady));
  t.match(told, [{ reason: 'missing', missing: 5, from_ms: 5190, to_ms: 5250 }]);
  t.equal(told.length, 1);
});

t.test('a first timestamp that makes times fall is told, if there were any times', async (t) => {
  const cases = [
    { frames: 1, wanted: [] },
    { frames: 2, wanted: [{ reason: 'time_backward', action: 'restarted', missing: 0, from_ms: 1_000_190, to_ms: 0 }] },
  ];
  for (const { frames, wanted } of cases) {
    const { timeline, windows, gaps: told } = record();
    play(
      timeline,
      framesOf(100_000, frames, 10, () => null),
    );
    const first = 100_000 + 10 * frames;
    play(
      timeline,
      framesOf(first, 5, 10, (seq) => (seq - first) * 10),
    );
    t.match(told, wanted);
    t.equal(told.length, wanted.length);
    t.match(windows.at(-1), { startMs: 300, endMs: 490 });
  }
});

t.test('a stream that is counted anew with its first timestamps has their times', async (t) => {
  const { timeline, windows, gaps: told } = record();
  play(
    timeline,
    framesOf(100_000, 2, 10, () => null),
  );
  play(timeline, framesOf(0, 104, 10, steady));
  t.match(told, [{ reason: 'seq_backward', from_ms: 1_000_190, to_ms: steady(1000) }]);
  t.match(windows.at(-1), { startMs: steady(1020), endMs: steady(1039) });
});
