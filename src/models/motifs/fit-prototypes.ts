import { SidecarError } from '../../core/errors.ts';
import type { MotifHead } from '../../core/manifest.ts';
import { dot, rowOf, toPoints, toUnits } from './points.ts';
import { type Silhouette, silhouetteOf } from './silhouette.ts';
import { type Grouping, groupDirections } from './spherical-kmeans.ts';
import { chooseTemperature, type Temperature } from './temperature.ts';

/** A head of prototypes, and how far it can be believed. */
export interface PrototypeFit {
  readonly kind: 'prototypes';
  /** Without its version. */
  readonly head: Omit<Extract<MotifHead, { kind: 'prototypes' }>, 'version'>;
  readonly motifs: readonly { readonly label: string; readonly windows: number; readonly silhouette: number }[];
  /** Mean over all windows. */
  readonly silhouette: number;
  readonly medianTopScore: number;
  /** What "--k auto" looked at; empty when k was given. */
  readonly tried: readonly { readonly k: number; readonly silhouette: number }[];
  readonly warnings: readonly string[];
}

export interface PrototypeOptions {
  readonly k: number | 'auto';
  readonly seed: number;
  /** One per group, the largest first; null: motif-1, motif-2, … */
  readonly labels: readonly string[] | null;
}

interface Attempt {
  readonly k: number;
  readonly grouping: Grouping;
  readonly silhouette: Silhouette;
}

/** Below, Kaufman and Rousseeuw find "no substantial structure". */
const WEAK_SILHOUETTE = 0.25;
const AUTO = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const FEW_PER_GROUP = 10;
const TINY_GROUP = 5;
const WEAK_TOP_SCORE = 0.75;

/**
 * One prototype per group of windows whose latents point the same way. The result depends on the set of latents and the
 * seed, not on their order. Throws INVALID_INPUT when there are fewer latents that differ than groups.
 */
export function fitPrototypes(latents: readonly Float32Array[], options: PrototypeOptions): PrototypeFit {
  const directed = latents.filter((latent) => dot(latent, latent) > 0);
  const units = toUnits(toPoints(directed));
  const attempts = (options.k === 'auto' ? AUTO : [options.k]).flatMap((k) => attempt(units, k, options.seed));
  const best = attempts.reduce<Attempt | null>((a, b) => (a && a.silhouette.mean >= b.silhouette.mean ? a : b), null);
  if (best === null) throw tooFew(units, directed.length, options);
  const choice = chooseTemperature(units, best.grouping.prototypes, options.seed);
  const labels = options.labels ?? best.grouping.sizes.map((_, group) => `motif-${group + 1}`);
  return {
    kind: 'prototypes',
    head: {
      format: 1,
      kind: 'prototypes',
      labels: [...labels],
      temperature: choice.temperature,
      prototypes: toRows(best),
    },
    motifs: labels.map((label, i) => ({
      label,
      windows: best.grouping.sizes[i]!,
      silhouette: best.silhouette.perGroup[i]!,
    })),
    silhouette: best.silhouette.mean,
    medianTopScore: choice.medianTopScore,
    tried: options.k === 'auto' ? attempts.map(({ k, silhouette }) => ({ k, silhouette: silhouette.mean })) : [],
    warnings: [...zeroWarning(latents.length - directed.length), ...listWarnings(best, labels, choice)],
  };
}

function attempt(units: ReturnType<typeof toUnits>, k: number, seed: number): Attempt[] {
  if (units.count < k) return [];
  const grouping = groupDirections(units, k, seed);
  return grouping === null ? [] : [{ k, grouping, silhouette: silhouetteOf(units, grouping.members, k) }];
}

/** Six decimals are more than a float32 latent tells apart, and hide most of what differs between processors. */
function toRows({ grouping: { prototypes } }: Attempt): number[][] {
  return Array.from({ length: prototypes.count }, (_, group) =>
    Array.from(rowOf(prototypes, group), (value) => Math.round(value * 1e6) / 1e6 + 0),
  );
}

function tooFew(units: ReturnType<typeof toUnits>, windows: number, { k, seed }: PrototypeOptions): SidecarError {
  const wanted = k === 'auto' ? 2 : k;
  let distinct = Math.min(wanted - 1, windows);
  while (distinct > 1 && attempt(units, distinct, seed).length === 0) distinct--;
  const remedy =
    k === 'auto' || distinct < 2
      ? 'Record windows of different motions'
      : `Give --k ${distinct} or fewer, or record windows of more motions`;
  const found = `the ${windows} windows have only ${distinct} latents that point in different directions`;
  return new SidecarError('INVALID_INPUT', `${wanted} motifs cannot be told apart: ${found}. ${remedy}.`);
}

function zeroWarning(count: number): string[] {
  if (count === 0) return [];
  return [`${count} windows were left out: their latents are all zero and point nowhere.`];
}

function listWarnings({ k, grouping, silhouette }: Attempt, labels: readonly string[], choice: Temperature): string[] {
  const windows = grouping.members.length;
  const found: string[] = [];
  if (silhouette.mean < WEAK_SILHOUETTE) {
    found.push(
      `These groups hardly differ: the silhouette is ${silhouette.mean.toFixed(2)}, below ${WEAK_SILHOUETTE}. Try another --k, or label the windows.`,
    );
  }
  if (windows < FEW_PER_GROUP * k)
    found.push(`${windows} windows are few for ${k} motifs: record ${FEW_PER_GROUP * k} or more.`);
  const tiny = labels.filter((_, group) => grouping.sizes[group]! < TINY_GROUP);
  if (tiny.length > 0)
    found.push(
      `Fewer than ${TINY_GROUP} windows each are behind ${tiny.join(', ')}: try a smaller --k, or record more.`,
    );
  if (!grouping.isSettled)
    found.push('The groups had not settled when the fit was stopped: another --seed or --k may do better.');
  if (choice.medianTopScore < WEAK_TOP_SCORE) {
    found.push(
      `The prototypes are so alike that the median top score is ${choice.medianTopScore.toFixed(2)} at any temperature: try a smaller --k.`,
    );
  }
  return found;
}
