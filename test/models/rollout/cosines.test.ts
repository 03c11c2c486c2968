import fc from 'fast-check';
import t from 'tap';
import { createCosines } from '../../../src/models/rollout/cosines.ts';

const figuresOf = (cosines: readonly number[]) => {
  const seen = createCosines();
  for (const cosine of cosines) seen.add(cosine);
  return seen.figures();
};

t.test('no pairs have no figures', async (t) => {
  t.equal(figuresOf([]), null);
});

t.test('mean and least are exact, quantiles are told by the edge below', async (t) => {
  const many = Array.from({ length: 90 }, () => 0.99994);
  const found = figuresOf([...many, ...Array.from({ length: 10 }, () => 0.9873)])!;
  t.match(found, { count: 100, min: 0.9873, median: 0.99994, p5: 0.9873 });
  t.ok(Math.abs(found.mean - (90 * 0.99994 + 10 * 0.9873) / 100) < 1e-12);
  t.equal(figuresOf([...many, -0.4, 0.9873, 0.9873, 0.9873, 0.9873, 0.9873, 0.9873])!.p5, 0.98);
});

t.test('a cosine on an edge belongs to the bin above it', async (t) => {
  for (const edge of [-1, 0, 0.1, 0.3, 0.9, 0.98, 0.991, 0.9999999]) {
    t.equal(figuresOf([-1, edge, edge, edge])!.median, edge);
  }
});

t.test('the histogram has every pair once, in rows that can be read', async (t) => {
  const { histogram } = figuresOf([
    -1, -0.51, -0.5, -0.1, 0, 0.3, 0.5, 0.79, 0.8, 0.97, 0.98, 0.9999999, 1, 1.0000001,
  ])!;
  t.same(histogram, [
    { atLeast: -1, count: 2 },
    { atLeast: -0.5, count: 2 },
    { atLeast: 0, count: 2 },
    { atLeast: 0.5, count: 2 },
    { atLeast: 0.8, count: 1 },
    { atLeast: 0.95, count: 1 },
    { atLeast: 0.98, count: 1 },
    { atLeast: 0.9999999, count: 3 },
  ]);
});

t.test(
  'quantiles never exceed the true ones, and miss them by no more than a digit of the distance from 1',
  async (t) => {
    const cosine = fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: 0.99, max: 1, noNaN: true }));
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(fc.array(cosine, { minLength: 1, maxLength: 200 }), (cosines) => {
          const sorted = cosines.toSorted((a, b) => a - b);
          const found = figuresOf(cosines)!;
          const isClose = (told: number, share: number) => {
            const exact = sorted[Math.floor(sorted.length * share)]!;
            return told <= exact && 1 - told <= 2 * (1 - exact) + 1e-7 + 1e-12;
          };
          const total = found.histogram.reduce((sum, row) => sum + row.count, 0);
          return (
            isClose(found.p5, 0.05) && isClose(found.median, 0.5) && total === cosines.length && found.min === sorted[0]
          );
        }),
        { numRuns: 500 },
      ),
    );
  },
);
