import { dot } from './points.ts';

/** Writes the gradient at `at` into `gradient` and returns the value there. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number;

export interface Minimum {
  readonly at: Float64Array;
  readonly value: number;
  readonly rounds: number;
  /** False when MAX_ROUNDS came before the gradient was small enough. */
  readonly isReached: boolean;
}

interface Step {
  /** Change of the place and of the gradient. */
  readonly moved: Float64Array;
  readonly turned: Float64Array;
  readonly product: number;
}

const MAX_ROUNDS = 500;
const MEMORY = 10;
/** A step must bring at least this share of what the slope promises. */
const ENOUGH = 1e-4;
const MAX_HALVINGS = 50;

/**
 * The minimum of a smooth convex function by L-BFGS from zero, with halved steps: the same steps on every machine.
 *
 * @param largestSlope no component of the gradient is larger at the minimum
 */
export function minimise(objective: Objective, size: number, largestSlope: number): Minimum {
  let at = new Float64Array(size);
  let gradient = new Float64Array(size);
  let value = objective(at, gradient);
  const steps: Step[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (gradient.every((slope) => Math.abs(slope) <= largestSlope))
      return { at, value, rounds: round, isReached: true };
    const next = search(objective, { at, gradient, value, direction: directionOf(gradient, steps) });
    if (next === null) return { at, value, rounds: round, isReached: false };
    remember(steps, subtract(next.at, at), subtract(next.gradient, gradient));
    ({ at, gradient, value } = next);
  }
  return { at, value, rounds: MAX_ROUNDS, isReached: false };
}

interface Place {
  readonly at: Float64Array<ArrayBuffer>;
  readonly gradient: Float64Array<ArrayBuffer>;
  readonly value: number;
}

/** Goes along the direction, half as far each time, until the value falls enough; null when rounding is all that is left. */
function search(objective: Objective, from: Place & { readonly direction: Float64Array }): Place | null {
  const slope = dot(from.gradient, from.direction);
  const gradient = new Float64Array(from.at.length);
  for (let halving = 0, length = 1; halving < MAX_HALVINGS; halving++, length /= 2) {
    const at = from.at.map((x, i) => x + length * from.direction[i]!);
    const value = objective(at, gradient);
    if (value <= from.value + ENOUGH * length * slope) return { at, gradient, value };
  }
  return null;
}

/** Down the hill, bent by what the last steps told of its curvature. */
function directionOf(gradient: Float64Array, steps: readonly Step[]): Float64Array {
  const direction = gradient.map((slope) => -slope);
  const shares: number[] = [];
  for (const { moved, turned, product } of steps.toReversed()) {
    const share = dot(moved, direction) / product;
    shares.push(share);
    add(direction, turned, -share);
  }
  const last = steps.at(-1);
  const scale =
    last === undefined
      ? 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)))
      : last.product / dot(last.turned, last.turned);
  for (let i = 0; i < direction.length; i++) direction[i] = direction[i]! * scale;
  for (const { moved, turned, product } of steps)
    add(direction, moved, shares.pop()! - dot(turned, direction) / product);
  return direction;
}

/** A step without curvature would bend the next ones the wrong way. */
function remember(steps: Step[], moved: Float64Array, turned: Float64Array): void {
  const product = dot(moved, turned);
  if (product <= 1e-14 * dot(turned, turned)) return;
  steps.push({ moved, turned, product });
  if (steps.length > MEMORY) steps.shift();
}

const subtract = (a: Float64Array, b: Float64Array) => a.map((x, i) => x - b[i]!);

function add(to: Float64Array, vector: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i] = to[i]! + factor * vector[i]!;
}
