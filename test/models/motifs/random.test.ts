import t from 'tap';
import { createRandom, drawIndices } from '../../../src/models/motifs/random.ts';

t.test('the same seed gives the same numbers on every machine', async (t) => {
  const random = createRandom(1);
  t.same(
    Array.from({ length: 4 }, () => random.below(1_000_000)),
    [563671, 895907, 272342, 594010],
  );
});

t.test('seeds that lie close give numbers that have nothing in common', async (t) => {
  const first = Array.from({ length: 1000 }, (_, seed) => createRandom(seed).next());
  t.equal(new Set(first).size, 1000);
  const mean = first.reduce((sum, x) => sum + x, 0) / first.length;
  t.ok(Math.abs(mean - 0.5) < 0.05, `mean ${mean}`);
});

t.test('numbers fill [0, 1) evenly', async (t) => {
  const random = createRandom(7);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 20_000; i++) counts[random.below(10)]!++;
  t.ok(
    counts.every((count) => Math.abs(count - 2000) < 200),
    counts.join(' '),
  );
});

t.test('indices are drawn without putting any back', async (t) => {
  const drawn = drawIndices(100, 30, createRandom(3));
  t.equal(drawn.length, 30);
  t.equal(new Set(drawn).size, 30);
  t.same([...drawIndices(5, 9, createRandom(3))].sort(), [0, 1, 2, 3, 4], 'no more than there are');
});
