import fc from 'fast-check';
import t from 'tap';
import { type MotifRules, MotifTrack } from '../../../../src/tasks/tcn/stream/motif-track.ts';

const LABELS = ['rest', 'walk', 'shake'];
const HOP_MS = 250;
const plain: MotifRules = { tauMs: 0, hysteresis: 0, dwellMs: 0, topK: 1 };

/** The current motif after each window, one per HOP_MS, as `name since_ms`. */
function follow(rules: Partial<MotifRules>, windows: readonly (readonly number[])[], track?: MotifTrack): string[] {
  const seen = track ?? new MotifTrack({ ...plain, ...rules }, LABELS);
  return windows.map((scores, i) => {
    const { name, since_ms } = seen.push(Float32Array.from(scores), i * HOP_MS).motif;
    return `${name} ${since_ms}`;
  });
}

const REST = [0.75, 0.25, 0];
const WALK = [0.25, 0.75, 0];
const SHAKE = [0, 0.25, 0.75];

t.test('the best of the first window is the current motif at once, whatever the rules', async (t) => {
  t.same(follow({ tauMs: 1e4, hysteresis: 1, dwellMs: 1e4 }, [WALK]), ['walk 0']);
});

t.test('without rules the best is current; ties change nothing', async (t) => {
  const tie = [0.5, 0.5, 0];
  t.same(follow({}, [tie, REST, WALK, tie, WALK, SHAKE]), [
    'rest 0',
    'rest 0',
    'walk 500',
    'walk 500',
    'walk 500',
    'shake 1250',
  ]);
});

t.test('hysteresis: a lead that is smaller is none', async (t) => {
  const near = [0.375, 0.625, 0];
  t.same(follow({ hysteresis: 0.5 }, [REST, near, WALK, near, REST]), [
    'rest 0',
    'rest 0',
    'walk 500',
    'walk 500',
    'rest 1000',
  ]);
});

t.test('dwell: the lead must last in every window, for each challenger by itself', async (t) => {
  const dwellMs = 2 * HOP_MS;
  t.same(follow({ dwellMs }, [REST, WALK, WALK, REST, WALK, WALK, WALK]).slice(3), [
    'rest 0',
    'rest 0',
    'rest 0',
    'walk 1500',
  ]);
  // walk has beaten rest since 250, shake only since 500: walk is in time, though shake is ahead of it
  t.same(follow({ dwellMs }, [REST, WALK, SHAKE, SHAKE, SHAKE, SHAKE]), [
    'rest 0',
    'rest 0',
    'rest 0',
    'walk 750',
    'walk 750',
    'shake 1250',
  ]);
});

t.test('the moving average follows the time constant of the stream, not the number of windows', async (t) => {
  const after = (steps: number) => {
    const track = new MotifTrack({ ...plain, tauMs: 1000, topK: 3 }, LABELS);
    track.push(Float32Array.of(0, 0, 1), 0);
    for (let i = 1; i < steps; i++) track.push(Float32Array.of(1, 0, 0), (i * 1000) / steps);
    return track.push(Float32Array.of(1, 0, 0), 1000).top.map(({ score }) => score);
  };
  const expected = [1 - Math.exp(-1), Math.exp(-1), 0].map(Math.fround);
  t.same(after(1), expected);
  for (const steps of [2, 40])
    t.ok(
      after(steps).every((score, i) => Math.abs(score - expected[i]!) < 1e-6),
      `${steps} windows`,
    );
});

t.test('top: best first, of equal ones the lower index, never more than there are, as float32', async (t) => {
  const track = new MotifTrack({ ...plain, topK: 9 }, ['a', null, 'c']);
  t.same(track.push(Float32Array.of(0.1, 0.1, 0.8), 0).top, [
    { index: 2, name: 'c', score: Math.fround(0.8) },
    { index: 0, name: 'a', score: Math.fround(0.1) },
    { index: 1, name: null, score: Math.fround(0.1) },
  ]);
  t.same(new MotifTrack({ ...plain, topK: 0 }, LABELS).push(Float32Array.of(0, 0, 0), 0).top, []);
});

t.test('after a reset nothing is left of what was before', async (t) => {
  const track = new MotifTrack({ tauMs: 1e4, hysteresis: 0.9, dwellMs: 1e4, topK: 1 }, LABELS);
  follow({}, [REST, WALK, WALK], track);
  track.reset();
  t.same(track.push(Float32Array.from(SHAKE), 10), {
    top: [{ index: 2, name: 'shake', score: 0.75 }],
    motif: { index: 2, name: 'shake', since_ms: 10 },
  });
});

const score = fc.constantFrom(0, 0.1, 0.25, 0.5, 0.75, 0.9, 1);
const scores = fc.array(score, { minLength: 3, maxLength: 3 }).map((values) => Float32Array.from(values));
const windows = fc.array(fc.record({ scores, dt: fc.constantFrom(10, 250, 333) }), { minLength: 1, maxLength: 40 });
const rules = fc.record({
  tauMs: fc.constantFrom(0, 100, 5000),
  hysteresis: fc.constantFrom(0, 0.1, 0.5),
  dwellMs: fc.constantFrom(0, 250, 600),
  topK: fc.constant(3),
});

/** What a track says of windows that end after one another. */
function play(rules: MotifRules, windows: readonly { scores: Float32Array; dt: number }[]) {
  const track = new MotifTrack(rules, LABELS);
  let endMs = 0;
  return windows.map((window) => {
    endMs += window.dt;
    return { endMs, scores: window.scores, ...track.push(window.scores, endMs) };
  });
}

t.test('property: without smoothing, hysteresis and dwell the current motif is always a best one', async () => {
  fc.assert(
    fc.property(windows, (windows) =>
      play(plain, windows).every(({ motif, scores }) => scores[motif.index] === Math.max(...scores)),
    ),
  );
});

t.test(
  'property: it never changes faster than dwell, since_ms says when it did, and it then led by enough',
  async () => {
    fc.assert(
      fc.property(rules, windows, (rules, windows) => {
        const said = play(rules, windows);
        return said.slice(1).every((now, i) => {
          const before = said[i]!;
          if (now.motif.index === before.motif.index) return now.motif.since_ms === before.motif.since_ms;
          const scoreOf = (index: number) => now.top.find((one) => one.index === index)!.score;
          const lead = scoreOf(now.motif.index) - scoreOf(before.motif.index);
          return (
            now.motif.since_ms === now.endMs &&
            now.endMs - before.motif.since_ms >= rules.dwellMs &&
            lead > -1e-7 &&
            lead >= rules.hysteresis - 1e-6
          );
        });
      }),
    );
  },
);

t.test('property: top is every score in falling order', async () => {
  fc.assert(
    fc.property(windows, (windows) =>
      play({ ...plain, topK: 3 }, windows).every(({ top, scores }) => {
        const expected = [...scores.entries()].sort(([i, a], [k, b]) => b - a || i - k);
        return top.every(({ index, score }, rank) => expected[rank]![0] === index && expected[rank]![1] === score);
      }),
    ),
  );
});
