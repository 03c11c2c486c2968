import type { CallName, Handle } from './ffi.ts';
import { HailoError } from './hailo-error.ts';

/** Throws HailoError unless the call succeeded. */
export function check(call: CallName, status: number): void {
  if (status !== 0) throw new HailoError(call, status);
}

/** The handle that a call writes into its last argument but one. */
export function first(step: (out: Handle[]) => void): Handle {
  const out: Handle[] = [null];
  step(out);
  return out[0];
}
