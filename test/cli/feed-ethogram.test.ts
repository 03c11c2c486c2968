import t from 'tap';
import { Bar, clock } from '../../src/cli/feed-bar.ts';
import { type Bout, Ethogram } from '../../src/cli/feed-ethogram.ts';
import type { Result } from '../../src/core/stream-events.ts';

const HOP_MS = 250;
const NAMES = ['rest', 'walk'];
/** The window with this number, 1 s long; the current motif is the best one but where it is said. */
const result = (window: number, best: number, score = 0.5, current = best, startMs = window * HOP_MS): Result => ({
  type: 'result',
  window,
  start_ms: startMs,
  end_ms: startMs + 990,
  next_seq: 0,
  filled: 0,
  top: [{ index: best, name: NAMES[best] ?? null, score }],
  motif: { index: current, name: NAMES[current] ?? null, since_ms: 0 },
  model: 'm@1',
  backend: 'cpu',
  degraded: null,
  dropped: 0,
  queue_ms: 0,
  infer_ms: 0,
});

function boutsOf(results: readonly Result[], hopMs = HOP_MS): Bout[] {
  const bouts: Bout[] = [];
  const ethogram = new Ethogram((bout) => bouts.push(bout));
  for (const one of results) ethogram.add(one, hopMs);
  ethogram.end();
  return bouts;
}

t.test('a bout is what one motif lasts; borders are half way between the middles of windows', async (t) => {
  t.same(boutsOf([result(0, 0, 0.4), result(1, 0, 0.6), result(2, 1, 0.9)]), [
    { motif: 'rest', index: 0, start_ms: 0, end_ms: 870, windows: 2, mean_score: 0.5 },
    { motif: 'walk', index: 1, start_ms: 870, end_ms: 1490, windows: 1, mean_score: 0.9 },
  ]);
});

t.test('the current motif counts, not the best one; its score where it is known', async (t) => {
  t.same(boutsOf([result(0, 0, 0.4), result(1, 1, 0.6, 0)]), [
    { motif: 'rest', index: 0, start_ms: 0, end_ms: 1240, windows: 2, mean_score: 0.4 },
  ]);
  t.match(boutsOf([result(0, 1, 0.6, 0)]), [{ mean_score: null }]);
  t.match(boutsOf([{ ...result(0, 1, 0.6, 0), motif_scores: [0.25, 0.6] }]), [{ mean_score: 0.25 }]);
});

t.test('time that no window covers is a gap between bouts, also of one motif', async (t) => {
  t.same(boutsOf([result(0, 0), result(1, 0, 0.5, 0, 5000)]), [
    { motif: 'rest', index: 0, start_ms: 0, end_ms: 990, windows: 1, mean_score: 0.5 },
    {
      motif: 'rest',
      index: 0,
      start_ms: 5000,
      end_ms: 5990,
      windows: 1,
      mean_score: 0.5,
      gap: { from_ms: 990, to_ms: 5000 },
    },
  ]);
  t.equal(
    boutsOf([result(0, 0), result(3, 0)]).length,
    1,
    'windows that were dropped leave none where others cover it',
  );
  t.equal(
    boutsOf([result(0, 0, 0.5, 0, 0), result(1, 0, 0.5, 0, 2000)], 2000).length,
    1,
    'nor does a hop that is longer than a window',
  );
  t.equal(boutsOf([result(8, 0), result(9, 0, 0.5, 0, 100)]).length, 2, 'a clock that goes back begins anew');
});

t.test('without results, or motifs, there are no bouts', async (t) => {
  t.same(boutsOf([]), []);
  const { top: _top, motif: _motif, ...bare } = result(0, 0);
  t.same(boutsOf([bare]), []);
});

function draw(results: readonly Result[], hasColour = false): string {
  let text = '';
  const bar = new Bar((piece) => {
    text += piece;
  }, hasColour);
  for (const one of results) bar.add(one, HOP_MS);
  bar.end();
  return text;
}

t.test('a bar has a sign for each window, the time of each line, and a legend with shares', async (t) => {
  const results = Array.from({ length: 70 }, (_, i) => result(i, i < 40 ? 0 : 1));
  t.equal(
    draw(results),
    `  0:00.0  ${'A'.repeat(40)}${'B'.repeat(20)}\n  0:15.0  ${'B'.repeat(10)}\n\nA rest   56.9 %  0:10.4  1 bout\nB walk   43.1 %  0:07.9  1 bout\n`,
  );
});

t.test('what was dropped leaves room, what is far away begins a line', async (t) => {
  t.match(draw([result(0, 0), result(3, 0)]), /^ {2}0:00\.0 {2}A··A\n/);
  t.match(draw([result(0, 0), result(400, 1)]), /^ {2}0:00\.0 {2}A·\n {2}1:40\.0 {2}B\n/);
});

t.test('with colours the blocks are coloured, each motif otherwise', async (t) => {
  const text = draw([result(0, 0), result(1, 1)], true);
  t.equal(new Set(text.match(/38;5;\d+/g)).size, 2);
  t.notMatch(draw([result(0, 0)]), '\u001b');
});

t.test('a name commands no terminal', async (t) => {
  const named = { ...result(0, 0), motif: { index: 0, name: '\u001b[2Jrest', since_ms: 0 } };
  t.match(draw([named]), 'A ?[2Jrest');
});

t.test('times are as people write them', async (t) => {
  t.same([0, 61_500, 3_599_990, 3_675_000, -1000].map(clock), ['0:00.0', '1:01.5', '1:00:00', '1:01:15', '-0:01.0']);
});
