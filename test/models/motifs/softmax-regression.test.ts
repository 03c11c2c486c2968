import t from 'tap';
import { minimise } from '../../../src/models/motifs/minimise.ts';
import { type Points, rowOf, toPoints } from '../../../src/models/motifs/points.ts';
import { createRandom } from '../../../src/models/motifs/random.ts';
import { fitSoftmax, predictClass } from '../../../src/models/motifs/softmax-regression.ts';

/** Clouds around `count` centres, one latent that never changes and one that only rounding moves. */
function clouds(count: number, each: number, spread: number): { points: Points; classes: Int32Array } {
  const random = createRandom(11);
  const classes = Int32Array.from({ length: count * each }, (_, i) => i % count);
  const rows = Array.from(classes, (c) => [
    100 + 3 * Math.cos(c) + spread * (random.next() - 0.5),
    -0.02 + 0.001 * (c * c + spread * (random.next() - 0.5)),
    7,
    0.5 + 1e-8 * random.next(),
  ]);
  return { points: toPoints(rows), classes };
}

t.test('classes that can be told apart are, on latents of any scale', async (t) => {
  const { points, classes } = clouds(4, 50, 0.5);
  const layer = fitSoftmax(points, classes, 4);
  t.ok(layer.isSettled);
  t.same(
    Array.from(classes.keys(), (i) => predictClass(layer, rowOf(points, i))),
    [...classes],
  );
});

t.test('a latent that is constant but for rounding gets no weight', async (t) => {
  const { points, classes } = clouds(3, 30, 0.5);
  for (const row of fitSoftmax(points, classes, 3).weights) {
    t.equal(row[2], 0);
    t.equal(row[3], 0);
    t.not(row[0], 0);
  }
});

t.test('the slope at the fit is zero: the mean score of a class is its share', async (t) => {
  const { points, classes } = clouds(3, 40, 9);
  const layer = fitSoftmax(points, classes, 3);
  const means = [0, 0, 0];
  for (let i = 0; i < points.count; i++) {
    const logits = layer.weights.map((row, c) =>
      row.reduce((sum, w, j) => sum + w * rowOf(points, i)[j]!, layer.bias[c]!),
    );
    const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, c) => {
      means[c] = means[c]! + power / total / points.count;
    });
  }
  for (const mean of means) t.ok(Math.abs(mean - 1 / 3) < 1e-5, `${mean}`);
});

t.test('the same input gives the same weights, to the last bit', async (t) => {
  const { points, classes } = clouds(3, 40, 9);
  t.same(fitSoftmax(points, classes, 3), fitSoftmax(points, classes, 3));
});

t.test('a narrow valley is followed to its end', async (t) => {
  const found = minimise(
    (at, gradient) => {
      gradient[0] = 2 * (at[0]! - 3);
      gradient[1] = 2000 * (at[1]! + 1);
      return (at[0]! - 3) ** 2 + 1000 * (at[1]! + 1) ** 2;
    },
    2,
    1e-9,
  );
  t.ok(found.isReached);
  t.ok(Math.abs(found.at[0]! - 3) < 1e-8 && Math.abs(found.at[1]! + 1) < 1e-8);
});

t.test('what has no minimum is given up, and that is said', async (t) => {
  const slope = minimise(
    (at, gradient) => {
      gradient[0] = 1;
      return at[0]!;
    },
    1,
    1e-9,
  );
  t.equal(slope.isReached, false);
  const lying = minimise(
    (_, gradient) => {
      gradient[0] = 1;
      return 0;
    },
    1,
    1e-9,
  );
  t.match(lying, { isReached: false, rounds: 0 });
});
