import { dot, type Points, rowOf } from './points.ts';

/** How well groups are set apart: 1 far apart, 0 no border between them, below 0 mixed up. */
export interface Silhouette {
  readonly mean: number;
  readonly perGroup: readonly number[];
}

/**
 * The silhouette by cosine distance, exact for any number of directions: distances of one minus cosine from a direction
 * to a whole group sum up to the group's size minus the product with the group's vector sum. Alone in its group: 0.
 *
 * @param units of length one each
 * @param members per direction, the index of its group; no group is empty
 */
export function silhouetteOf(units: Points, members: Int32Array, groups: number): Silhouette {
  const sizes = new Array<number>(groups).fill(0);
  const sums = { count: groups, width: units.width, values: new Float64Array(groups * units.width) };
  for (let i = 0; i < units.count; i++) {
    const sum = rowOf(sums, members[i]!);
    const unit = rowOf(units, i);
    sizes[members[i]!]!++;
    for (let j = 0; j < sum.length; j++) sum[j] = sum[j]! + unit[j]!;
  }
  const totals = new Array<number>(groups).fill(0);
  for (let i = 0; i < units.count; i++) totals[members[i]!]! += widthOf(rowOf(units, i), members[i]!, sums, sizes);
  return {
    mean: totals.reduce((sum, total) => sum + total, 0) / units.count,
    perGroup: totals.map((total, group) => total / sizes[group]!),
  };
}

/** One direction's silhouette width. */
function widthOf(unit: Float64Array, own: number, sums: Points, sizes: readonly number[]): number {
  if (sizes[own] === 1) return 0;
  let within = 0;
  let nearest = Number.POSITIVE_INFINITY;
  for (let group = 0; group < sums.count; group++) {
    const size = sizes[group]!;
    const distances = Math.max(0, size - dot(unit, rowOf(sums, group)));
    if (group === own) within = distances / (size - 1);
    else nearest = Math.min(nearest, distances / size);
  }
  const larger = Math.max(within, nearest);
  return larger < 1e-12 ? 0 : (nearest - within) / larger;
}
