import type { BackendKind, Inference, LoadedModel } from '../core/backend.ts';
import { SidecarError } from '../core/errors.ts';
import type { Golden, Manifest } from '../core/manifest.ts';

export interface Difference {
  /** Cosine of the angle between both vectors; 1 for two zero vectors. */
  readonly cosine: number;
  readonly maxAbs: number;
}

/** How far the golden windows came out from what they should be: the worst of all windows and outputs. */
export interface GoldenFigures extends Difference {
  readonly windows: number;
  readonly medianMs: number;
  readonly backend: BackendKind;
}

/** Where a .hef artefact states no tolerance of its own. */
const HEF_COSINE = 0.99;

/** What of a verified bundle a golden check needs. */
export interface GoldenParts {
  readonly model: Pick<LoadedModel, 'id' | 'run'>;
  readonly manifest: Manifest;
  readonly golden: Golden;
  /** Raw window → model input, as live windows go. */
  prepare(raw: Float32Array): Float32Array;
  /** Hears of every run, also of one that fails. */
  onFigures?(figures: GoldenFigures): void;
}

/**
 * Runs every golden window as a live one would go and compares all outputs with the stored ones.
 * Throws MODEL_INVALID with the window and both figures when one is out of tolerance or not finite.
 */
export async function checkGolden(parts: GoldenParts): Promise<GoldenFigures> {
  const { golden } = parts;
  const differences: (Difference & { failure: string | null })[] = [];
  const times: number[] = [];
  let by: BackendKind = 'cpu';
  for (const window of golden.windows) {
    const startAt = performance.now();
    const inference = await parts.model.run(parts.prepare(Float32Array.from(window.x.flat())));
    times.push(performance.now() - startAt);
    by = inference.backend;
    differences.push(...compareWindow(parts, window, inference));
  }
  const figures = {
    windows: golden.windows.length,
    cosine: Math.min(...differences.map((difference) => difference.cosine)),
    maxAbs: Math.max(...differences.map((difference) => difference.maxAbs)),
    backend: by,
    medianMs: times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN,
  };
  parts.onFigures?.(figures);
  const failure = differences.find((difference) => difference.failure !== null)?.failure;
  if (failure) throw new SidecarError('MODEL_INVALID', failure);
  return figures;
}

/** Runs the first golden window until the runtime has settled: the first live request must not pay for it. */
export async function warmUp(parts: GoldenParts, runs = 8): Promise<void> {
  const raw = Float32Array.from(parts.golden.windows[0]?.x.flat() ?? []);
  for (let i = 0; i < runs; i++) await parts.model.run(parts.prepare(raw));
}

function compareWindow(
  parts: GoldenParts,
  window: Golden['windows'][number],
  { outputs, backend }: Inference,
): (Difference & { failure: string | null })[] {
  const { latent, motif_scores: scores } = parts.manifest.outputs;
  const pairs: [string, readonly number[]][] = [[latent.name, window.latent]];
  if (scores !== null && window.motif_scores !== null) pairs.push([scores.name, window.motif_scores]);
  return pairs.map(([name, expected]) => {
    const found = compareVectors(outputs[name] ?? new Float32Array(0), Float32Array.from(expected));
    const { cosine, abs } = toleranceOf(parts, backend);
    if (found.cosine >= cosine && found.maxAbs <= abs) return { ...found, failure: null };
    const limit = Number.isFinite(abs) ? ` (at most ${abs})` : '';
    const failure = `${parts.model.id} gives another ${name} for the golden window "${window.name}": cosine ${found.cosine.toFixed(7)} (at least ${cosine}), largest difference ${found.maxAbs.toExponential(2)}${limit}.`;
    return { ...found, failure };
  });
}

/** A quantised .hef gives the direction of the float32 vector, not its numbers. */
export function toleranceOf(
  { golden, manifest }: Pick<GoldenParts, 'golden' | 'manifest'>,
  backend: string,
): Golden['tolerance'] {
  if (backend !== 'hailo') return golden.tolerance;
  const hef = manifest.artefacts.find(({ kind }) => kind === 'hef');
  return { cosine: hef?.tolerance?.cosine ?? HEF_COSINE, abs: Number.POSITIVE_INFINITY };
}

/** Compares two vectors in float64; a different length or a number that is not finite is as far as can be. */
export function compareVectors(found: Float32Array, expected: Float32Array): Difference {
  if (found.length !== expected.length) return { cosine: -1, maxAbs: Number.POSITIVE_INFINITY };
  let dot = 0;
  let foundSquare = 0;
  let expectedSquare = 0;
  let maxAbs = 0;
  for (let i = 0; i < found.length; i++) {
    const a = found[i]!;
    const b = expected[i]!;
    dot += a * b;
    foundSquare += a * a;
    expectedSquare += b * b;
    maxAbs = Math.max(maxAbs, Math.abs(a - b));
  }
  if (!Number.isFinite(dot) || Number.isNaN(maxAbs)) return { cosine: -1, maxAbs: Number.POSITIVE_INFINITY };
  const scale = Math.sqrt(foundSquare * expectedSquare);
  return { cosine: scale === 0 ? (maxAbs === 0 ? 1 : 0) : dot / scale, maxAbs };
}
