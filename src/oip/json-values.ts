import { valuesIn } from '../core/tensor.ts';
import { refuse, show } from './refusal.ts';

/**
 * The values of a JSON tensor, flat or nested as its shape is. The depth is the shape's, whatever the client nests.
 * @param shape already known to be small
 */
export function readValues(data: readonly unknown[], shape: readonly number[], where: string): Float32Array {
  const values = new Float32Array(valuesIn(shape));
  const isNested = shape.length > 1 && Array.isArray(data[0]);
  if (isNested) fillNested(values, 0, data, shape, where);
  else fillRow(values, 0, data, values.length, where);
  return values;
}

/** @returns the place after the last value */
function fillNested(values: Float32Array, at: number, data: unknown, shape: readonly number[], where: string): number {
  const [side, ...rest] = shape as [number, ...number[]];
  if (rest.length === 0) return fillRow(values, at, data, side, where);
  const list = toList(data, side, where);
  let p = at;
  for (let i = 0; i < side; i++) p = fillNested(values, p, list[i], rest, `${where}[${i}]`);
  return p;
}

function fillRow(values: Float32Array, at: number, data: unknown, side: number, where: string): number {
  const list = toList(data, side, where);
  for (let i = 0; i < side; i++) {
    const value = list[i];
    if (typeof value !== 'number') refuse(`${where}[${i}]`, `this must be a number, not ${show(value)}`);
    values[at + i] = value as number;
    if (!Number.isFinite(values[at + i])) refuse(`${where}[${i}]`, 'this number is beyond float32');
  }
  return at + side;
}

function toList(data: unknown, side: number, where: string): readonly unknown[] {
  if (!Array.isArray(data)) return refuse(where, `this must be a list of ${side}, not ${show(data)}`);
  if (data.length !== side) refuse(where, `the shape says ${side} here, there are ${data.length}`);
  return data;
}
