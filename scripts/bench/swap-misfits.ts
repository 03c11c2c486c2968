import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeTinyBundle } from '../../test/fixtures/bundle.ts';
import { type TinyOnnx, tinyLatent } from '../../test/fixtures/tiny-onnx.ts';

export interface Misfit {
  readonly ref: string;
  readonly directory: string;
}

export interface Misfits {
  /** Some ten times slower than the model that serves: the gate "latency" refuses it. */
  readonly slow: Misfit;
  /** Right for what was sent before it was activated, and infinite for the field body. */
  readonly hot: Misfit;
}

const SLOW_SINES = 3000;
/** Models that must not stay, made by hand: installable, because their golden windows are right. */
export function makeMisfits(directory: string): Misfits {
  const make = (version: string, options: TinyOnnx) => makeMisfit(join(directory, version), version, options);
  return {
    slow: make('slow', { sines: SLOW_SINES }),
    hot: make('hot', { gain: 5e35 }),
  };
}

/** The window as a sensor gives it that hangs at its stop: almost at the limit in every channel, and accepted. */
export function toFieldBody(body: string): string {
  const stops = [480, 480, 480, 33, 33, 33, 1900, 1900, 1900];
  const { x } = JSON.parse(body) as { x: number[][] };
  return JSON.stringify({ x: x.map((row) => row.map((value, c) => stops[c]! + (value % 1))) });
}

function makeMisfit(directory: string, version: string, options: TinyOnnx): Misfit {
  writeTinyBundle(directory, options, { version });
  const { gain = 1, sines = 0 } = options;
  const path = join(directory, 'golden.json');
  const golden = JSON.parse(readFileSync(path, 'utf8'));
  golden.tolerance.abs = Math.max(1e-3, gain * 1e-3);
  for (const window of golden.windows) if (sines > 0) window.latent = latentAfter(window.x, sines);
  writeFileSync(path, JSON.stringify(golden));
  return { ref: `tiny@${version}`, directory };
}

/** What the tiny model gives when so many sines come first. */
function latentAfter(x: number[][], sines: number): number[] {
  let values = Float32Array.from(x.flat());
  for (let i = 0; i < sines; i++) values = values.map((value) => Math.sin(value));
  return tinyLatent(values);
}
