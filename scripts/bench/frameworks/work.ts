import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Compile } from 'typebox/compile';
import { parse } from 'yaml';
import { ROOT } from '../../../packaging/project.ts';
import { WINDOW_BYTES } from '../../../src/tasks/tcn/binary.ts';
import { normalise, toZScore } from '../../../src/tasks/tcn/normalise.ts';
import { CHANNELS, InferRequestSchema, LATENTS, RANGES, ROWS } from '../../../src/tasks/tcn/schema.ts';

/**
 * What the daemon does with a window of /infer when its model is a trivial function, written as an ordinary good program
 * would: JSON.parse, the compiled schema, one loop into float32, JSON.stringify. No deadline, no metrics, no headers of
 * provenance.
 */
const SCORES = 12;
const manifest = readFileSync(join(ROOT, 'packaging', 'models', 'default', 'manifest.yaml'), 'utf8');
const scale = toZScore((parse(manifest) as { normalisation: Parameters<typeof toZScore>[0] }).normalisation);
const body = Compile(InferRequestSchema);

export interface Scored {
  readonly latent: Float32Array;
  readonly scores: Float32Array;
}

/** Whether a parsed JSON body is a window by the schema. */
export const isRequest = (value: unknown): value is { x: number[][] } => body.Check(value);

/** The rows as float32; null when one is out of range. */
export function fromRows(rows: readonly number[][]): Float32Array | null {
  const window = new Float32Array(ROWS * CHANNELS);
  for (let i = 0; i < ROWS; i++) window.set(rows[i]!, i * CHANNELS);
  return inRange(window) ? window : null;
}

/** Octets as float32, in place where they are aligned; null when they are no window. */
export function fromOctets(octets: Buffer): Float32Array | null {
  if (octets.length !== WINDOW_BYTES) return null;
  const { buffer, byteOffset } = octets.byteOffset % 4 === 0 ? octets : new Uint8Array(octets);
  const window = new Float32Array(buffer as ArrayBuffer, byteOffset, ROWS * CHANNELS);
  return inRange(window) ? window : null;
}

/** False also for what is no number. */
function inRange(window: Float32Array): boolean {
  for (let i = 0; i < window.length; ) {
    for (let channel = 0; channel < CHANNELS; channel++, i++) {
      if (!(Math.abs(window[i]!) <= RANGES[channel]!)) return false;
    }
  }
  return true;
}

/** Output j of n is the fraction of (x₀ + j / n) of the z-scored window, as with `backend: {kind: stub}`. */
export function score(window: Float32Array): Scored {
  const x0 = normalise(window, scale)[0]!;
  const first = x0 - Math.floor(x0);
  const rule = (n: number) => Float32Array.from({ length: n }, (_, j) => (first + j / n) % 1);
  return { latent: rule(LATENTS), scores: rule(SCORES) };
}

export const toReply = ({ latent, scores }: Scored) => ({
  latent: Array.from(latent),
  motif_scores: Array.from(scores),
});

export function toOctets({ latent, scores }: Scored): Buffer {
  const row = new Float32Array(LATENTS + SCORES);
  row.set(latent);
  row.set(scores, LATENTS);
  return Buffer.from(row.buffer);
}
