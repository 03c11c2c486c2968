import type { ServedModel } from '../core/model.ts';
import type { TensorSpec } from '../core/tensor.ts';
import type { TensorDoor } from '../core/tensor-door.ts';
import type { Order } from './order.ts';

export type Signature = ReturnType<TensorDoor['signature']>;

/** What clients see of a model, worked out once and not per request. */
export interface Surface extends Signature {
  /** Largest first side of a tensor. */
  readonly maxItems: number;
  /** The beginning of each reply's JSON, up to the outputs, without brace and id. */
  readonly opening: string;
  /** Requests seen lately, by the very text of their JSON: clients send the same one with other data. */
  readonly orders: Map<string, Order>;
}

/** Remembers the surface of each model as long as the model is there, and its signature and the limit are as they were. */
export function createSurfaces(): (model: ServedModel, signature: Signature, maxItems: number) => Surface {
  const surfaces = new WeakMap<ServedModel, Surface>();
  return (model, signature, maxItems) => {
    const known = surfaces.get(model);
    if (known !== undefined && known.maxItems === maxItems && isSame(known, signature)) return known;
    const { name, version } = model.manifest;
    const opening = `"model_name":${JSON.stringify(name)},"model_version":${JSON.stringify(version)},"outputs":[`;
    const surface = { ...signature, maxItems, opening, orders: new Map() };
    surfaces.set(model, surface);
    return surface;
  };
}

const isSame = (a: Signature, b: Signature) => isAlike(a.inputs, b.inputs) && isAlike(a.outputs, b.outputs);

function isAlike(a: readonly TensorSpec[], b: readonly TensorSpec[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!isTwin(a[i]!, b[i]!)) return false;
  return true;
}

function isTwin(a: TensorSpec, b: TensorSpec): boolean {
  if (a.name !== b.name || a.shape.length !== b.shape.length) return false;
  for (let i = 0; i < a.shape.length; i++) if (a.shape[i] !== b.shape[i]) return false;
  return true;
}
