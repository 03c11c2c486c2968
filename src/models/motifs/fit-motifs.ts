import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Backend, LoadedModel } from '../../core/backend.ts';
import { SidecarError } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest.ts';
import { sizeOf } from '../../core/tensor.ts';
import { artefactOf, type Bundle } from '../bundle.ts';
import { checkGolden } from '../golden.ts';
import { toSource } from '../open.ts';
import { type ClassFit, fitClasses } from './fit-classes.ts';
import { fitPrototypes, type PrototypeFit } from './fit-prototypes.ts';
import { type HeadedParts, type HeadedPlace, planHeaded, writeHeaded } from './headed-bundle.ts';
import { readWindowLines, type WindowLine } from './window-lines.ts';

export interface FitOptions extends HeadedPlace {
  /** An NDJSON file of windows, or "-". */
  readonly windows: string;
  /** null: not given. */
  readonly k: number | 'auto' | null;
  readonly seed: number;
  readonly labels: readonly string[] | null;
}

export interface FitProgress {
  /** Hears how many windows were read so far. */
  onWindows?(count: number): void;
  /** All windows are read, the fit begins: up to half a minute in which nothing is heard. */
  onFit?(count: number): void;
}

export interface FitParts extends HeadedParts, FitProgress {
  readonly backend: Backend;
  prepare(manifest: Manifest): (raw: Float32Array) => Float32Array;
  /** The JSON bytes of {"x": …} → a raw window, row-major; throws a SidecarError that says what is wrong. */
  parseWindow(json: Uint8Array): Float32Array;
  readonly stdin: AsyncIterable<Uint8Array>;
}

export interface FitReport {
  readonly bundle: Bundle;
  readonly windows: number;
  /** Of the whole input. */
  readonly sha256: string;
  readonly seed: number;
  readonly fit: PrototypeFit | ClassFit;
}

interface Sample {
  readonly line: number;
  readonly latent: Float32Array;
  readonly label: string | null;
}

const DEFAULT_K = 12;
/** As many latents of 64 numbers as half a gigabyte holds, with the copies that the fit makes. */
const MAX_WINDOWS = 200_000;

/**
 * Makes a motif head for a latent-only model from windows, and a new bundle that has it: a dense head where every window
 * is labelled, else prototypes. The bundle appears whole and verified, or nothing does. The same latents and seed give
 * the same head to the byte; latents may differ in their last bits between kinds of processors.
 *
 * Throws USAGE (options that contradict each other or the input), INVALID_INPUT (a line, or windows that cannot be told
 * apart), MODEL_INVALID (the source has scores of its own or fails its golden windows), UNAVAILABLE (not writable).
 */
export async function fitMotifs(source: Bundle, options: FitOptions, parts: FitParts): Promise<FitReport> {
  requireLatentOnly(source);
  planHeaded(source, options);
  const digest = createHash('sha256');
  const samples = await encodeAll(source, options, parts, digest);
  const sha256 = digest.digest('hex');
  parts.onFit?.(samples.length);
  const fit = toFit(samples, options);
  const method = `${methodOf(fit)}, ${samples.length} windows of ${nameOf(options)} (sha256 ${sha256.slice(0, 16)}), seed ${options.seed}`;
  const made = {
    head: fit.head,
    source: `model fit-motifs: ${method}, ${qualityOf(fit)}`,
    sentence: `Its motif scores come from "model fit-motifs": ${method}.`,
  };
  const bundle = await writeHeaded(source, options, made, parts);
  return { bundle, windows: samples.length, sha256, seed: options.seed, fit };
}

function requireLatentOnly({ manifest, artefacts }: Bundle): void {
  const id = `${manifest.name}@${manifest.version}`;
  if (manifest.outputs.motif_scores !== null) {
    const sentence = `${id} has motif scores of its own, so a head would be ignored: name a model that gives latents only with --from.`;
    throw new SidecarError('MODEL_INVALID', sentence);
  }
  if (artefactOf({ artefacts } as Bundle, 'onnx') !== null) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `${id} has no .onnx file, which the CPU needs to compute latents: name another bundle with --from.`,
  );
}

/** The model is loaded, and proves itself, before the first line is read. */
async function encodeAll(source: Bundle, options: FitOptions, parts: FitParts, digest: Hash): Promise<Sample[]> {
  const { manifest, golden } = source;
  const prepare = parts.prepare(manifest);
  const model = await parts.backend.load(toSource(source));
  try {
    await checkGolden({ model, manifest, golden, prepare });
    const chunks = options.windows === '-' ? parts.stdin : createReadStream(options.windows);
    const reader = { name: nameOf(options), parseWindow: parts.parseWindow };
    const samples: Sample[] = [];
    for await (const line of readWindowLines(digested(chunks, digest), reader)) {
      requireAlike(samples[0], line, options);
      if (samples.length === MAX_WINDOWS) throw tooMany(options);
      samples.push({ line: line.line, label: line.label, latent: await encode(line, model, manifest, prepare) });
      parts.onWindows?.(samples.length);
    }
    if (samples.length > 0) return samples;
    throw new SidecarError(
      'INVALID_INPUT',
      `${nameOf(options)} has no windows: write one {"x": [[9 numbers] × 100]} per line.`,
    );
  } finally {
    await model.close();
  }
}

const nameOf = ({ windows }: FitOptions) => (windows === '-' ? 'standard input' : basename(windows));

async function* digested(chunks: AsyncIterable<Uint8Array>, digest: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    digest.update(chunk);
    yield chunk;
  }
}

/** Every window has a label, or none has. */
function requireAlike(first: Sample | undefined, { line, label }: WindowLine, options: FitOptions): void {
  if (first === undefined) return requireFitting(label, options);
  if ((first.label === null) === (label === null)) return;
  const without = label === null ? line : first.line;
  const sentence = `${nameOf(options)}: some windows have a "label", but line ${without} has none. Label every window, or none.`;
  throw new SidecarError('INVALID_INPUT', sentence);
}

/** What was asked for must be what the windows allow, and that shows at the first one. */
function requireFitting(label: string | null, { k, labels }: FitOptions): void {
  if (label === null) return;
  const ignored = k !== null ? '--k' : labels !== null ? '--labels' : null;
  if (ignored === null) return;
  throw new SidecarError(
    'USAGE',
    `The windows are labelled, so their labels are the motifs: leave ${ignored} out, or remove the labels.`,
  );
}

function tooMany(options: FitOptions): SidecarError {
  return new SidecarError(
    'INVALID_INPUT',
    `${nameOf(options)} has more than ${MAX_WINDOWS} windows: give a sample of them, for instance with "shuf -n ${MAX_WINDOWS / 10}".`,
  );
}

async function encode(
  { line, window }: WindowLine,
  model: LoadedModel,
  manifest: Manifest,
  prepare: (raw: Float32Array) => Float32Array,
): Promise<Float32Array> {
  const { latent } = manifest.outputs;
  const { outputs } = await model.run(prepare(window));
  const values = outputs[latent.name]?.slice(0, sizeOf(latent)) ?? new Float32Array(0);
  if (values.length === sizeOf(latent) && values.every(Number.isFinite)) return values;
  throw new SidecarError(
    'MODEL_INVALID',
    `The model gives no finite latent for the window of line ${line}: it is broken, or the window is far from what it was made for.`,
  );
}

function toFit(samples: readonly Sample[], { k, labels, seed }: FitOptions): PrototypeFit | ClassFit {
  if (samples[0]?.label != null) {
    return fitClasses(
      samples.map(({ latent, label }) => ({ latent, label: label ?? '' })),
      seed,
    );
  }
  const groups = k ?? labels?.length ?? DEFAULT_K;
  return fitPrototypes(
    samples.map(({ latent }) => latent),
    { k: groups, seed, labels },
  );
}

function methodOf(fit: PrototypeFit | ClassFit): string {
  const count = fit.motifs.length;
  if (fit.kind === 'dense') return `softmax regression on ${count} labelled classes`;
  return `spherical k-means with k ${count}${fit.tried.length > 0 ? ' (chosen by silhouette)' : ''}`;
}

function qualityOf(fit: PrototypeFit | ClassFit): string {
  if (fit.kind === 'prototypes') return `silhouette ${fit.silhouette.toFixed(3)}`;
  if (fit.accuracy === null) return 'accuracy not measured';
  return `held-out accuracy ${fit.accuracy.toFixed(3)} of ${fit.heldOut} windows`;
}
