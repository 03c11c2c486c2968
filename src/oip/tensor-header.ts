import { type TensorSpec, valuesIn } from '../core/tensor.ts';
import { type Fields, readString } from './fields.ts';
import { listNames, quote, refuse, show } from './refusal.ts';

/** The one datatype of all tensors here. */
export const DATATYPE = 'FP32';

const OTHERS = new Set('BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP64 BYTES BF16'.split(' '));

export function checkDatatype(fields: Fields, where: string): void {
  const datatype = readString(fields, 'datatype', where);
  if (datatype === DATATYPE) return;
  const known = OTHERS.has(datatype) ? 'is not served here' : 'is no datatype of the protocol';
  refuse(`${where}.datatype`, `${quote(datatype)} ${known}: this tensor is ${DATATYPE}`);
}

/**
 * Compares side by side, so that nothing is multiplied before it is known to be small.
 * @returns the first side, how many items the tensor has
 */
export function readItems({ shape }: Fields, spec: TensorSpec, maxItems: number, where: string): number {
  const wanted = `the shape is [${spec.shape.join(',')}], its first side 1 to ${maxItems}`;
  if (!Array.isArray(shape)) return refuse(`${where}.shape`, `this must be a list of integers, not ${show(shape)}`);
  if (shape.length !== spec.shape.length) refuse(`${where}.shape`, `it has ${shape.length} sides; ${wanted}`);
  for (const [i, side] of shape.entries()) {
    const isRight = i === 0 ? isCount(side, maxItems) : side === spec.shape[i];
    if (!isRight) refuse(`${where}.shape[${i}]`, `${show(side)} does not fit; ${wanted}`);
  }
  return shape[0];
}

function isCount(side: unknown, most: number): boolean {
  return Number.isInteger(side) && (side as number) >= 1 && (side as number) <= most;
}

/** The tensor that an entry of a request names; each may be named once. */
export function findSpec<Spec extends TensorSpec>(
  fields: Fields,
  kind: 'input' | 'output',
  specs: readonly Spec[],
  seen: Set<string>,
  where: string,
): Spec {
  const name = readString(fields, 'name', where);
  const spec = specs.find((one) => one.name === name);
  if (spec === undefined) return refuse(where, `the model has no ${kind} ${quote(name)}; it has ${listNames(specs)}`);
  if (seen.has(name)) refuse(where, `the ${kind} ${quote(name)} is there twice`);
  seen.add(name);
  return spec;
}

/** Values of one item: the product of all sides but the first. */
export function valuesPerItem({ shape }: TensorSpec): number {
  return valuesIn(shape.slice(1));
}
