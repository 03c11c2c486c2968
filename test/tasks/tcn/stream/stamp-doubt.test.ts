import fc from 'fast-check';
import t from 'tap';
import { framesOf, play, type Recording, record, SETTINGS, samplesOf } from './recorder.ts';

const { channels } = SETTINGS;
const steady = (seq: number) => 5000 + seq * 10;
const told = ({ windows, gaps }: Recording) => ({ windows: windows.map(({ era: _era, ...window }) => window), gaps });

t.test('one time that is wrong is as good as none, by whatever it is off', async (t) => {
  for (const offMs of [300, 3000, 1e12, -300, -4000, -1e12])
    for (const length of [1, 10, 50]) {
      const [wrong, none] = [record(), record()];
      const at = 200;
      const frames = 600 / length;
      const timeOf = (seq: number, ms: number | null) => (seq === at ? ms : steady(seq));
      play(
        wrong.timeline,
        framesOf(0, frames, length, (seq) => timeOf(seq, steady(seq) + offMs)),
      );
      play(
        none.timeline,
        framesOf(0, frames, length, (seq) => timeOf(seq, null)),
      );
      t.same(told(wrong), told(none), `${offMs} ms, frames of ${length}`);
      t.same([wrong.gaps, wrong.windows.length], [[], 117]);
    }
});

t.test('a host that stalls and then catches up restarts no window', async (t) => {
  for (const stallMs of [300, 700, 2500])
    for (const length of [1, 5, 10, 50]) {
      const { timeline, windows, gaps } = record();
      const until = steady(300) + stallMs;
      const stamp = (seq: number) => (seq < 300 ? steady(seq) : Math.max(until, steady(seq)));
      play(timeline, framesOf(0, 900 / length, length, stamp));
      t.same([gaps, windows.length], [[], 177], `${stallMs} ms, frames of ${length}`);
      t.match(windows.at(-1)!.values, samplesOf(880, 20));
    }
});

t.test('a pause is told with the next time, and lies where it was', async (t) => {
  for (const length of [1, 10, 50]) {
    const { timeline, gaps, windows } = record({ gaps: { policy: 'hold', max_ms: 100, reorder_ms: 0 } });
    const paused = (seq: number) => steady(seq) + 5000;
    play(timeline, framesOf(0, 200 / length, length, steady));
    play(timeline, framesOf(200, 1, length, paused));
    t.same([gaps, windows.length, timeline.nextSeq], [[], 37, 200 + length], 'the samples after it wait');
    play(timeline, framesOf(200 + length, 60 / length + 1, length, paused));
    t.match(gaps, [
      { reason: 'time_forward', action: 'restarted', missing: 500, from_ms: steady(199), to_ms: paused(200) },
    ]);
    t.equal(gaps.length, 1);
    t.match(windows[37], { startMs: paused(200), endMs: paused(219), values: samplesOf(200, 20) });
  }
});

t.test('jitter as large as a frame defers what is told of a pause, and moves it nowhere', async (t) => {
  const { timeline, gaps, windows } = record();
  const jitter = [0, 3, 12, -9, -12, 9];
  play(
    timeline,
    framesOf(0, 400, 1, (seq) => steady(seq) + jitter[seq % 6]! + (seq < 200 ? 0 : 5000)),
  );
  t.match(gaps, [{ reason: 'time_forward' }]);
  t.equal(gaps.length, 1);
  t.same(windows[37]!.values, samplesOf(200, 20));
});

t.test('however a recording with a pause is cut into frames, the gap and the windows are the same', async (t) => {
  const cuts = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 40 });
  const stamp = (seq: number) => steady(seq) + (seq < 250 ? 0 : 100_000);
  const playCut = (lengths: number[]) => {
    const recording = record();
    for (let seq = 0, i = 0; seq < 500; i++) {
      const end = Math.min(seq + lengths[i % lengths.length]!, seq < 250 ? 250 : 500);
      recording.timeline.push(seq, stamp(seq), samplesOf(seq, end - seq));
      seq = end;
    }
    recording.timeline.flush();
    const gaps = recording.gaps.map(({ next_seq: _next, ...gap }) => gap);
    return { gaps, windows: told(recording).windows };
  };
  const whole = playCut([250]);
  t.match(whole.gaps, [{ reason: 'time_forward', from_ms: steady(249), to_ms: stamp(250) }]);
  fc.assert(
    fc.property(cuts, (lengths) => {
      const parts = playCut(lengths);
      const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
      if (!same(parts.gaps, whole.gaps)) throw new Error('other gaps');
      parts.windows.forEach(({ startMs, endMs, ...window }, i) => {
        const { startMs: start, endMs: end, ...other } = whole.windows[i]!;
        if (!same(window, other)) throw new Error(`window ${i} is another`);
        if (Math.abs(startMs - start) + Math.abs(endMs - end) > 3e-3) throw new Error(`window ${i} has other times`);
      });
      if (parts.windows.length !== whole.windows.length) throw new Error('more windows, or fewer');
    }),
    { numRuns: 50 },
  );
});

t.test('half a second of samples waits for a time that tells, and no more', async (t) => {
  const bytes = (samples: number) => samples * channels * 4;
  const { timeline, gaps } = record();
  play(timeline, framesOf(0, 20, 10, steady));
  const before = timeline.bytes;
  timeline.push(200, steady(200) + 5000, samplesOf(200, 10));
  for (let seq = 210; seq < 250; seq += 10) timeline.push(seq, null, samplesOf(seq, 10));
  t.same([gaps, timeline.bytes - before], [[], bytes(50)]);
  timeline.push(250, null, samplesOf(250, 1));
  t.match(gaps, [{ reason: 'time_forward', missing: 500, to_ms: steady(200) + 5000 }]);
  t.equal(timeline.bytes, before);
  timeline.push(251, steady(251) - 90_000, samplesOf(251, 51));
  t.match(gaps.slice(1), [{ reason: 'time_backward' }], 'a frame longer than that is believed at once');
});

t.test('where no further time comes the last one is believed', async (t) => {
  const ends: ((timeline: Recording['timeline']) => void)[] = [
    (timeline) => timeline.flush(),
    (timeline) =>
      play(
        timeline,
        framesOf(10, 1, 10, () => 9e6),
      ),
  ];
  for (const end of ends) {
    const { timeline, gaps } = record();
    play(timeline, framesOf(10_000, 20, 10, steady));
    timeline.push(10_200, steady(10_200) + 5000, samplesOf(0, 10));
    t.same(gaps, []);
    end(timeline);
    t.match(gaps[0], { reason: 'time_forward', from_ms: steady(10_199), to_ms: steady(10_200) + 5000 });
  }
});

t.test('samples wait no longer than until the time that shows the one before to be wrong', async (t) => {
  const { timeline, windows } = record();
  play(timeline, framesOf(0, 20, 10, steady));
  timeline.push(200, steady(200) + 300, samplesOf(200, 10));
  t.equal(windows.length, 37);
  timeline.push(210, steady(210), samplesOf(210, 10));
  t.equal(windows.length, 41);
});
