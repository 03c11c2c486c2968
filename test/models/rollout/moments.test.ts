import fc from 'fast-check';
import t from 'tap';
import { createMoments, toDrift } from '../../../src/models/rollout/moments.ts';

const momentsOf = (latents: readonly (readonly number[])[]) => {
  const moments = createMoments();
  for (const latent of latents) moments.add(Float32Array.from(latent));
  return moments.figures();
};
const repeat = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));

t.test('mean and deviation are those of the two-pass formula', async (t) => {
  const latent = fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 999_000, max: 1_000_000 }));
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(latent, { minLength: 2, maxLength: 200 }), (latents) => {
        const found = momentsOf(latents);
        for (const dimension of [0, 1]) {
          const values = latents.map((each) => each[dimension]!);
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
          if (Math.abs(found.mean[dimension]! - mean) > 1e-6) return false;
          if (Math.abs(found.std[dimension]! - Math.sqrt(square)) > 1e-6) return false;
        }
        return found.count === latents.length;
      }),
      { numRuns: 100 },
    ),
  );
});

t.test('nothing and one latent have no deviation', async (t) => {
  t.match(momentsOf([]), { count: 0, mean: [], std: [] });
  t.match(momentsOf([[3, -2]]), { count: 1, mean: [3, -2], std: [0, 0] });
});

/** Deviations: sqrt(4/3)·1 and sqrt(4/3)·10. */
const REFERENCE = momentsOf([
  [1, 10],
  [-1, -10],
  [1, 10],
  [-1, -10],
]);
const UNIT = Math.sqrt(4 / 3);

t.test(
  'a mean that stays has no drift, one that moves by a deviation in every dimension has a drift of 1',
  async (t) => {
    const driftAt = (x: number, y: number) => toDrift(momentsOf(repeat(32, () => [x, y])), REFERENCE);
    t.equal(driftAt(0, 0), 0);
    t.ok(Math.abs(driftAt(UNIT, -10 * UNIT)! - 1) < 1e-6);
    t.ok(Math.abs(driftAt(3 * UNIT, 0)! - 3 / Math.SQRT2) < 1e-6, 'root of the mean square');
  },
);

t.test(
  'a dimension that never varies is measured by a twentieth of the usual deviation of those that do',
  async (t) => {
    const reference = momentsOf(repeat(4, (i) => [i % 2 === 0 ? 1 : -1, 5, 0]));
    const live = momentsOf(repeat(32, (i) => [i % 2 === 0 ? 1 : -1, 5 + 0.05 * UNIT, 0]));
    t.ok(Math.abs(toDrift(live, reference)! - 1 / Math.sqrt(3)) < 1e-4);
    t.equal(toDrift(momentsOf(repeat(32, () => [0, 5, 0])), reference), 0, 'dead dimensions that stay are no drift');
  },
);

t.test('too little to tell is no drift of any size', async (t) => {
  const live = momentsOf(repeat(32, () => [50, 50]));
  t.ok(toDrift(live, REFERENCE)! > 4);
  t.equal(toDrift(momentsOf(repeat(31, () => [50, 50])), REFERENCE), null, '31 live');
  t.equal(toDrift(live, momentsOf(repeat(3, (i) => [i, i]))), null, '3 for reference');
  t.equal(toDrift(live, momentsOf(repeat(4, (i) => [i]))), null, 'another length');
  t.equal(toDrift(live, momentsOf(repeat(4, () => [7, 7]))), null, 'a reference that stands still');
  t.equal(toDrift(live, momentsOf([])), null, 'no reference');
});
