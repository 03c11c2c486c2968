import type { SidecarError } from '../../core/errors.ts';
import { type Location, refusal } from './refusal.ts';
import { SENSORS } from './schema.ts';

/** A value that no sensor gives comes mostly from another unit, so the sentence beside the contract's tells which is meant. */
export function rangeRefusal(loc: Location, channel: number, sample: number): SidecarError {
  const { name, limit, unit } = SENSORS[Math.floor(channel / 3)]!;
  const remedy = unit === 'rad/s' ? ': divide deg/s by 57.3' : '';
  const hint = `; the unit is ${unit}, within ±${limit}${remedy}.`;
  return refusal('value_error', loc, `Value error, ${name} value out of range: ${sample}`, sample, hint);
}

/** A value that is no number a sensor could give: JSON has none, binary does. */
export function finiteRefusal(loc: Location, sample: number): SidecarError {
  return refusal('value_error', loc, 'Value error, Number is not finite', String(sample));
}
