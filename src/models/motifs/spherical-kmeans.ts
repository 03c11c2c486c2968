import { compareRows, dot, type Points, pickPoints, rowOf } from './points.ts';
import { createRandom, drawIndices, type Random } from './random.ts';

/** Directions that were sorted into groups by the angle to each group's mean direction. */
export interface Grouping {
  /** One unit vector per group, the largest group first. */
  readonly prototypes: Points;
  /** Per direction, the index of its group. */
  readonly members: Int32Array;
  readonly sizes: readonly number[];
  /** Mean cosine of a direction and its prototype; what is made as large as possible. */
  readonly cohesion: number;
  /** False when the groups still changed after MAX_ROUNDS. */
  readonly isSettled: boolean;
}

const RESTARTS = 10;
const MAX_ROUNDS = 100;
/** k-means++ tries so many directions for each seed and keeps the one that helps most. */
const CANDIDATES = 4;
/** Above, the restarts run on so many directions, drawn by the seed, and the best one goes on with all. */
const MAX_RESTART_POINTS = 4000;
/** Two directions whose cosine is this close to one are the same: a twelfth of a degree. */
const SAME = 1e-6;

/**
 * Spherical k-means: k-means on directions, by cosine. Seeded by k-means++, the best of RESTARTS. The result depends on
 * the set of directions and the seed, not on their order: they are sorted first.
 *
 * @param units of length one each
 * @returns null when there are fewer than k directions that differ
 */
export function groupDirections(units: Points, k: number, seed: number): Grouping | null {
  const order = Int32Array.from({ length: units.count }, (_, i) => i);
  order.sort((a, b) => compareRows(rowOf(units, a), rowOf(units, b)));
  const sorted = pickPoints(units, order);
  const random = createRandom(seed);
  const isLarge = units.count > MAX_RESTART_POINTS;
  const sample = isLarge ? pickPoints(sorted, drawIndices(units.count, MAX_RESTART_POINTS, random)) : sorted;
  const best = bestOf(sample, k, random);
  if (best === null) return null;
  const found = isLarge ? settle(sorted, best.prototypes) : best;
  return rename(found, order);
}

function bestOf(units: Points, k: number, random: Random): Grouping | null {
  let best: Grouping | null = null;
  for (let i = 0; i < RESTARTS; i++) {
    const seeds = drawSeeds(units, k, random);
    if (seeds === null) return best;
    const found = settle(units, seeds);
    if (best === null || found.cohesion > best.cohesion) best = found;
  }
  return best;
}

/** k-means++: each seed is drawn by its distance (one minus cosine) from those before. */
function drawSeeds(units: Points, k: number, random: Random): Points | null {
  const chosen = [random.below(units.count)];
  let distances = nearer(units, chosen[0]!, null);
  while (chosen.length < k) {
    const total = sumOf(distances);
    if (total === 0) return null;
    const tries = Array.from({ length: CANDIDATES }, () => drawByWeight(distances, total, random));
    const outcomes = tries.map((index) => ({ index, distances: nearer(units, index, distances) }));
    const best = outcomes.reduce((a, b) => (sumOf(b.distances) < sumOf(a.distances) ? b : a));
    chosen.push(best.index);
    distances = best.distances;
  }
  return pickPoints(units, chosen);
}

/** Each direction's distance from the nearest seed, once `seed` is one of them; what is the same has none. */
function nearer(units: Points, seed: number, before: Float64Array | null): Float64Array {
  const centre = rowOf(units, seed);
  return Float64Array.from({ length: units.count }, (_, i) => {
    const distance = 1 - dot(rowOf(units, i), centre);
    return Math.min(before?.[i] ?? 2, distance <= SAME ? 0 : distance);
  });
}

const sumOf = (numbers: Float64Array) => numbers.reduce((sum, number) => sum + number, 0);

function drawByWeight(weights: Float64Array, total: number, random: Random): number {
  let left = random.next() * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) return i;
  }
  return last; // rounding
}

/** Assigns and averages in turn, from these prototypes on, until no direction changes its group; none is left empty. */
export function settle(units: Points, seeds: Points): Grouping {
  const members = new Int32Array(units.count).fill(-1);
  const cosines = new Float64Array(units.count);
  let prototypes = seeds;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (!assign(units, prototypes, members, cosines)) return toGrouping(prototypes, members, cosines, true);
    fillEmpty(members, cosines, seeds.count);
    prototypes = average(units, members, seeds.count);
  }
  assign(units, prototypes, members, cosines);
  return toGrouping(prototypes, members, cosines, false);
}

/** Puts each direction to the nearest prototype; true when one changed. The loops are written out: this is the work. */
function assign(units: Points, prototypes: Points, members: Int32Array, cosines: Float64Array): boolean {
  const { values, width } = units;
  let hasChanged = false;
  for (let i = 0; i < units.count; i++) {
    let best = -1;
    let largest = Number.NEGATIVE_INFINITY;
    for (let group = 0; group < prototypes.count; group++) {
      let cosine = 0;
      for (let j = 0; j < width; j++) cosine += values[i * width + j]! * prototypes.values[group * width + j]!;
      if (cosine <= largest) continue;
      largest = cosine;
      best = group;
    }
    hasChanged ||= members[i] !== best;
    members[i] = best;
    cosines[i] = largest;
  }
  return hasChanged;
}

/** A group that lost all its directions takes the one that fits its own group worst. */
function fillEmpty(members: Int32Array, cosines: Float64Array, k: number): void {
  const sizes = countMembers(members, k);
  for (let group = 0; group < k; group++) {
    if (sizes[group] !== 0) continue;
    let worst = -1;
    for (let i = 0; i < members.length; i++) {
      if (sizes[members[i]!]! > 1 && (worst < 0 || cosines[i]! < cosines[worst]!)) worst = i;
    }
    sizes[members[worst]!]!--;
    sizes[group] = 1;
    members[worst] = group;
    cosines[worst] = 1;
  }
}

function countMembers(members: Int32Array, k: number): number[] {
  const sizes = new Array<number>(k).fill(0);
  for (const group of members) sizes[group]!++;
  return sizes;
}

/** Mean directions; where a group's directions cancel out, its first one stands for it. */
function average(units: Points, members: Int32Array, k: number): Points {
  const means = { count: k, width: units.width, values: new Float64Array(k * units.width) };
  for (let i = 0; i < units.count; i++) {
    const mean = rowOf(means, members[i]!);
    const unit = rowOf(units, i);
    for (let j = 0; j < mean.length; j++) mean[j] = mean[j]! + unit[j]!;
  }
  for (let group = 0; group < k; group++) {
    const mean = rowOf(means, group);
    const norm = Math.sqrt(dot(mean, mean));
    if (norm < 1e-9) mean.set(rowOf(units, members.indexOf(group)));
    else for (let j = 0; j < mean.length; j++) mean[j] = mean[j]! / norm;
  }
  return means;
}

function toGrouping(prototypes: Points, members: Int32Array, cosines: Float64Array, isSettled: boolean): Grouping {
  const sizes = countMembers(members, prototypes.count);
  return { prototypes, members, sizes, cohesion: sumOf(cosines) / members.length, isSettled };
}

/** Groups by size, then by prototype; members in the order in which the directions came. */
function rename(found: Grouping, order: Int32Array): Grouping {
  const { prototypes, sizes } = found;
  const ranks = sizes.map((_, group) => group);
  ranks.sort((a, b) => sizes[b]! - sizes[a]! || compareRows(rowOf(prototypes, a), rowOf(prototypes, b)));
  const members = new Int32Array(order.length);
  order.forEach((original, i) => {
    members[original] = ranks.indexOf(found.members[i]!);
  });
  return { ...found, members, prototypes: pickPoints(prototypes, ranks), sizes: ranks.map((group) => sizes[group]!) };
}
