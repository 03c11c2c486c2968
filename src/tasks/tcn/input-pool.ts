import { CHANNELS, ROWS } from './schema.ts';

/**
 * Model inputs that nobody needs any more. A window takes 3.6 kB outside of the heap, and at tens of thousands a second
 * making and collecting them costs as much as reading them.
 */
const free: Float32Array[] = [];
const MOST = 256;

/** [ROWS×CHANNELS]; its values are those of some window before. */
export function takeInput(): Float32Array {
  return free.pop() ?? new Float32Array(ROWS * CHANNELS);
}

/** Only what the runner gave back, and of that size: whoever kept it would see another window in it. */
export function returnInput(input: Float32Array): void {
  if (free.length < MOST) free.push(input);
}
