import { SidecarError } from '../../core/errors.ts';
import type { MotifHead } from '../../core/manifest.ts';
import { compareRows, type Points, rowOf, toPoints } from './points.ts';
import { createRandom, drawIndices } from './random.ts';
import { fitSoftmax, predictClass, type SoftmaxLayer } from './softmax-regression.ts';

export interface LabelledLatent {
  readonly latent: Float32Array;
  readonly label: string;
}

/** A dense head from labelled windows, and how far it can be believed. */
export interface ClassFit {
  readonly kind: 'dense';
  /** Without its version. */
  readonly head: Omit<Extract<MotifHead, { kind: 'dense' }>, 'version'>;
  readonly motifs: readonly ClassFigures[];
  readonly heldOut: number;
  /** Share of the held-out windows that were named rightly by a fit on the others; null when none were held out. */
  readonly accuracy: number | null;
  /** What always naming the most frequent class would reach on them. */
  readonly baseline: number | null;
  readonly warnings: readonly string[];
}

export interface ClassFigures {
  readonly label: string;
  readonly windows: number;
  readonly heldOut: number;
  readonly right: number;
}

interface Split {
  readonly kept: readonly number[];
  readonly heldOut: readonly number[];
}

const HELD_OUT = 0.2;
const FEW = 5;
/** What an accuracy must exceed the baseline by to be worth more than it. */
const MARGIN = 0.05;

/**
 * A softmax layer that names the classes; held-out accuracy first, by a stratified split that the seed draws, then a fit
 * on all windows. The result depends on the set of windows and the seed, not on their order.
 * Throws INVALID_INPUT for fewer than two classes.
 */
export function fitClasses(windows: readonly LabelledLatent[], seed: number): ClassFit {
  const labels = [...new Set(windows.map(({ label }) => label))].sort();
  requireTwo(labels);
  const sorted = windows.toSorted((a, b) => compareRows(a.latent, b.latent));
  const points = toPoints(sorted.map(({ latent }) => latent));
  const classes = Int32Array.from(sorted, ({ label }) => labels.indexOf(label));
  const { kept, heldOut } = split(classes, labels.length, seed);
  const trial = fitSoftmax(...subset(points, classes, kept), labels.length);
  const rights = heldOut.filter((i) => predictClass(trial, rowOf(points, i)) === classes[i]);
  const motifs = labels.map((label, c) => ({
    label,
    windows: classes.filter((own) => own === c).length,
    heldOut: heldOut.filter((i) => classes[i] === c).length,
    right: rights.filter((i) => classes[i] === c).length,
  }));
  const layer = fitSoftmax(points, classes, labels.length);
  const figures = toFigures(motifs, rights.length, heldOut.length);
  return {
    kind: 'dense',
    head: { format: 1, kind: 'dense', labels, activation: 'softmax', ...toNumbers(layer) },
    motifs,
    ...figures,
    warnings: listWarnings(motifs, figures, layer),
  };
}

function requireTwo(labels: readonly string[]): void {
  if (labels.length >= 2) return;
  throw new SidecarError(
    'INVALID_INPUT',
    `All windows are labelled "${labels[0]}": scores need two classes or more. Add windows of another motion, or remove the labels to let groups be found.`,
  );
}

/** A fifth of each class, at least one window of it and never all. */
function split(classes: Int32Array, count: number, seed: number): Split {
  const random = createRandom(seed);
  const kept: number[] = [];
  const heldOut: number[] = [];
  for (let c = 0; c < count; c++) {
    const own = Array.from(classes.keys()).filter((i) => classes[i] === c);
    const taken = own.length < 2 ? 0 : Math.max(1, Math.round(own.length * HELD_OUT));
    const out = new Set(drawIndices(own.length, taken, random));
    own.forEach((index, i) => {
      (out.has(i) ? heldOut : kept).push(index);
    });
  }
  return { kept, heldOut };
}

function subset(points: Points, classes: Int32Array, indices: readonly number[]): [Points, Int32Array] {
  return [toPoints(indices.map((i) => rowOf(points, i))), Int32Array.from(indices, (i) => classes[i]!)];
}

type Figures = Pick<ClassFit, 'heldOut' | 'accuracy' | 'baseline'>;

function toFigures(motifs: readonly ClassFigures[], right: number, heldOut: number): Figures {
  if (heldOut === 0) return { heldOut, accuracy: null, baseline: null };
  return { heldOut, accuracy: right / heldOut, baseline: Math.max(...motifs.map((motif) => motif.heldOut)) / heldOut };
}

/** Eight digits are more than a float32 latent tells apart, and hide most of what differs between processors. */
function toNumbers({ weights, bias }: SoftmaxLayer): { weights: number[][]; bias: number[] } {
  const round = (value: number) => Number(value.toPrecision(8)) + 0;
  return { weights: weights.map((row) => Array.from(row, round)), bias: bias.map(round) };
}

function listWarnings(motifs: readonly ClassFigures[], figures: Figures, layer: SoftmaxLayer): string[] {
  const { accuracy, baseline, heldOut } = figures;
  const found: string[] = [];
  const few = motifs.filter(({ windows }) => windows < FEW).map(({ label, windows }) => `${label} (${windows})`);
  if (few.length > 0)
    found.push(`Fewer than ${FEW} windows of a class teach and prove little: ${few.join(', ')}. Record more.`);
  if (accuracy === null || baseline === null)
    found.push('No window could be held out: how well the head names windows is not known.');
  else if (accuracy < baseline + MARGIN) {
    found.push(
      `The head is hardly better than always naming the most frequent class: ${toPercent(accuracy)} against ${toPercent(baseline)} of ${heldOut} held-out windows.`,
    );
  }
  if (!layer.isSettled) found.push('The fit was stopped before it had settled: the weights are not the best ones.');
  return found;
}

const toPercent = (share: number) => `${(share * 100).toFixed(1)} %`;
