import { type Location, refuse } from './refusal.ts';
import { SENSORS } from './schema.ts';

/** A value that no sensor gives comes mostly from another unit, so the sentence beside the contract's tells which is meant. */
export function refuseRange(loc: Location, channel: number, sample: number): never {
  const { name, limit, unit } = SENSORS[Math.floor(channel / 3)]!;
  const remedy = unit === 'rad/s' ? ': divide deg/s by 57.3' : '';
  const hint = `; the unit is ${unit}, within ±${limit}${remedy}.`;
  return refuse('value_error', loc, `Value error, ${name} value out of range: ${sample}`, sample, hint);
}
