import { BINARY_TYPE } from '../../core/media-types.ts';
import { toFloats, VALUE_BYTES } from '../../core/tensor.ts';
import { finiteRefusal, rangeRefusal } from './ranges.ts';
import { type Location, refuse } from './refusal.ts';
import { CHANNELS, ROWS } from './schema.ts';

export const WINDOW_SAMPLES = ROWS * CHANNELS;
export const WINDOW_BYTES = WINDOW_SAMPLES * VALUE_BYTES;

/** What was sent instead of a JSON body, by its Content-Type. */
export function isBinary(contentType: string): boolean {
  return contentType.toLowerCase().startsWith(BINARY_TYPE);
}

/** The windows of several, one after another; views of the same memory. */
export function windowsIn(floats: Float32Array): Float32Array[] {
  const view = (_: unknown, i: number) => floats.subarray(i * WINDOW_SAMPLES, (i + 1) * WINDOW_SAMPLES);
  return Array.from({ length: floats.length / WINDOW_SAMPLES }, view);
}

/**
 * A body of one window, [ROWS×CHANNELS] row-major: its own bytes, nothing copied.
 * @throws SidecarError INVALID_INPUT when it has another size
 */
export function readBinaryWindow(body: Uint8Array): Float32Array {
  if (body.length === WINDOW_BYTES) return toFloats(body);
  if (body.length === 0) return refuse('missing', ['body'], 'Field required');
  const msg = `Value error, Expected ${WINDOW_BYTES} bytes (${ROWS} x ${CHANNELS} float32), got ${body.length}`;
  return refuse('value_error', ['body'], msg);
}

/**
 * @param limits per channel, inclusive; Infinity still keeps out what is no number
 * @throws SidecarError INVALID_INPUT that names the first sample which is not finite, or out of range
 */
export function checkSamples(window: Float32Array, limits: Float64Array, loc: Location): void {
  let index = 0;
  for (let row = 0; row < ROWS; row++) {
    for (let channel = 0; channel < CHANNELS; channel++, index++) {
      const size = Math.abs(window[index]!);
      if (!(size <= limits[channel]!) || size === Number.POSITIVE_INFINITY) refuseSample(window, index, loc);
    }
  }
}

function refuseSample(window: Float32Array, index: number, loc: Location): never {
  const sample = window[index]!;
  const [row, channel] = [Math.floor(index / CHANNELS), index % CHANNELS];
  if (!Number.isFinite(sample)) throw finiteRefusal([...loc, row, channel], sample);
  throw rangeRefusal(loc, channel, sample);
}
