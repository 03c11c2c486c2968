import * as fc from 'fast-check';
import t from 'tap';
import { dot, type Points, pickPoints, rowOf, toPoints, toUnits } from '../../../src/models/motifs/points.ts';
import { createRandom, drawIndices } from '../../../src/models/motifs/random.ts';
import { silhouetteOf } from '../../../src/models/motifs/silhouette.ts';
import { groupDirections, settle } from '../../../src/models/motifs/spherical-kmeans.ts';
import { chooseTemperature } from '../../../src/models/motifs/temperature.ts';

/** `perGroup` directions close to each of `groups` axes, lengths of all sizes. */
function planted(groups: number, perGroup: number, seed: number, noise = 0.1): { units: Points; truth: number[] } {
  const random = createRandom(seed);
  const truth = Array.from({ length: groups * perGroup }, (_, i) => i % groups);
  const rows = truth.map((group) => {
    const length = 0.1 + 10 * random.next();
    return Array.from({ length: 16 }, (_, j) => length * ((j === group ? 1 : 0) + noise * (random.next() - 0.5)));
  });
  return { units: toUnits(toPoints(rows)), truth };
}

/** Groups as sets of members, however they are numbered. */
const partition = (members: ArrayLike<number>) => {
  const names = new Map<number, number>();
  return Array.from(members, (group) => {
    if (!names.has(group)) names.set(group, names.size);
    return names.get(group);
  });
};

t.test('groups that were planted are found, whatever the seed', async (t) => {
  const arbitrary = fc.tuple(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 3, max: 20 }), fc.nat(1e6));
  fc.assert(
    fc.property(arbitrary, ([groups, perGroup, seed]) => {
      const { units, truth } = planted(groups, perGroup, seed);
      const found = groupDirections(units, groups, seed)!;
      return (
        found.isSettled &&
        found.sizes.every((size) => size === perGroup) &&
        JSON.stringify(partition(found.members)) === JSON.stringify(partition(truth))
      );
    }),
    { numRuns: 60 },
  );
  t.pass('60 plantings');
});

t.test('the order of the input changes nothing, to the last bit', async (t) => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 2, max: 6 }), (seed, k) => {
      const { units } = planted(4, 15, seed, 2.5); // groups that run into each other
      const order = drawIndices(units.count, units.count, createRandom(seed + 1));
      const straight = groupDirections(units, k, 5)!;
      const shuffled = groupDirections(pickPoints(units, order), k, 5)!;
      const back = Array.from(order, (original) => straight.members[original]);
      return (
        JSON.stringify([...shuffled.members]) === JSON.stringify(back) &&
        JSON.stringify([...shuffled.prototypes.values]) === JSON.stringify([...straight.prototypes.values])
      );
    }),
    { numRuns: 40 },
  );
  t.pass('40 shuffles');
});

t.test('prototypes are the mean directions of their groups, the largest group first', async (t) => {
  const { units } = planted(5, 8, 3, 2);
  const { prototypes, members, sizes, cohesion } = groupDirections(units, 4, 9)!;
  t.same(
    sizes,
    [...sizes].sort((a, b) => b - a),
  );
  for (let group = 0; group < 4; group++) {
    const own = [...members.keys()].filter((i) => members[i] === group);
    t.equal(own.length, sizes[group]);
    const mean = Array.from({ length: 16 }, (_, j) => own.reduce((sum, i) => sum + rowOf(units, i)[j]!, 0));
    const cosine = dot(mean, rowOf(prototypes, group)) / Math.sqrt(dot(mean, mean));
    t.ok(cosine > 1 - 1e-12, `group ${group}: ${cosine}`);
  }
  const nearest = [...members.keys()].map((i) =>
    Math.max(...sizes.map((_, group) => dot(rowOf(units, i), rowOf(prototypes, group)))),
  );
  t.ok(Math.abs(cohesion - nearest.reduce((sum, cosine) => sum + cosine, 0) / units.count) < 1e-12);
});

t.test('no more groups than directions that differ', async (t) => {
  const same = (direction: number[], times: number[]) => times.map((x) => direction.map((y) => x * y));
  const units = toUnits(toPoints([...same([1, 2, 3], [1, 7, 0.3]), ...same([3, -1, 0], [1, 1.1]), [0, 0, 5]]));
  t.same(groupDirections(units, 3, 1)?.sizes, [3, 2, 1]);
  t.equal(groupDirections(units, 4, 1), null);
});

t.test('above four thousand directions the restarts see a sample, the result all', async (t) => {
  const { units, truth } = planted(3, 3500, 4);
  const found = groupDirections(units, 3, 1)!;
  t.same(found.sizes, [3500, 3500, 3500]);
  t.same(partition(found.members), partition(truth));
});

t.test('a prototype that nothing is near to takes what fits its own group worst', async (t) => {
  const units = toUnits(
    toPoints([
      [1, 0.1],
      [1, -0.1],
      [1, 0],
      [0.2, 1],
      [1, 0.05],
    ]),
  );
  const found = settle(
    units,
    toPoints([
      [1, 0],
      [-1, 0],
    ]),
  );
  t.same([...found.members], [0, 0, 0, 1, 0]);
  t.same(found.sizes, [4, 1]);
});

t.test('directions that cancel out still have a prototype', async (t) => {
  const units = toUnits(
    toPoints([
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]),
  );
  for (let seed = 0; seed < 20; seed++) {
    const found = groupDirections(units, 2, seed)!;
    t.ok(found.prototypes.values.every(Number.isFinite));
    t.ok(found.sizes.every((size) => size > 0));
  }
});

t.test('the silhouette is the one of the definition, pair by pair', async (t) => {
  const { units } = planted(4, 9, 8, 2.5);
  const members = Int32Array.from({ length: units.count }, (_, i) => (i === 5 ? 3 : i % 3));
  const distance = (a: number, b: number) => 1 - dot(rowOf(units, a), rowOf(units, b));
  const all = [...members.keys()];
  const widths = all.map((i) => {
    const mean = (group: number) => {
      const others = all.filter((j) => j !== i && members[j] === group);
      return others.reduce((sum, j) => sum + distance(i, j), 0) / others.length;
    };
    if (members[i] === 3) return 0;
    const within = mean(members[i]!);
    const nearest = Math.min(...[0, 1, 2, 3].filter((group) => group !== members[i]).map(mean));
    return (nearest - within) / Math.max(nearest, within);
  });
  const mean = (numbers: number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const found = silhouetteOf(units, members, 4);
  t.ok(Math.abs(found.mean - mean(widths)) < 1e-12);
  found.perGroup.forEach((value, group) => {
    t.ok(Math.abs(value - mean(widths.filter((_, i) => members[i] === group))) < 1e-12, `group ${group}`);
  });
});

t.test('far groups have a silhouette near one, one cloud cut in two has not', async (t) => {
  const far = planted(3, 20, 1, 0.05);
  t.ok(silhouetteOf(far.units, groupDirections(far.units, 3, 1)!.members, 3).mean > 0.95);
  const cloud = planted(1, 200, 1, 1);
  t.ok(silhouetteOf(cloud.units, groupDirections(cloud.units, 2, 1)!.members, 2).mean < 0.25);
});

t.test('at the temperature half of the windows have a top score above 0.8', async (t) => {
  const { units } = planted(5, 41, 6, 1.5);
  const { prototypes } = groupDirections(units, 5, 2)!;
  const { temperature, medianTopScore } = chooseTemperature(units, prototypes, 2);
  t.ok(Math.abs(medianTopScore - 0.8) < 0.01, `${medianTopScore}`);
  const tops = [...Array(units.count).keys()].map((i) => {
    const powers = [0, 1, 2, 3, 4].map((group) =>
      Math.exp(dot(rowOf(units, i), rowOf(prototypes, group)) / temperature),
    );
    return Math.max(...powers) / powers.reduce((sum, power) => sum + power, 0);
  });
  t.ok(Math.abs(tops.sort((a, b) => a - b)[units.count >> 1]! - medianTopScore) < 1e-9);
});
