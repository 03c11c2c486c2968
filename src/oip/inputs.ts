import type { Tensor } from '../core/tensor.ts';
import { readValues } from './json-values.ts';
import type { Order } from './order.ts';
import { VALUE_BYTES } from './tensor-header.ts';

/** JSON before binary data rarely ends where a float32 may begin. */
let aligned = new Float32Array(0);
let alignedBytes = new Uint8Array(0);

/**
 * The tensors of an order by name; those from binary data are valid until the next call, and as long as the body is.
 * @param jsonBytes where the binary data begins
 */
export function toInputs(order: Order, body: Uint8Array, jsonBytes: number): ReadonlyMap<string, Tensor> {
  const inputs = new Map<string, Tensor>();
  const binary = toFloats(body, jsonBytes, order.binaryBytes);
  let at = 0;
  for (const [i, { name, shape, values, data }] of order.inputs.entries()) {
    const numbers = data === null ? binary.subarray(at, at + values) : readValues(data, shape, `inputs[${i}].data`);
    inputs.set(name, { name, shape, data: numbers });
    if (data === null) at += values;
  }
  return inputs;
}

/** In place where the alignment allows it, else at the beginning of something longer. */
function toFloats({ buffer, byteOffset }: Uint8Array, from: number, bytes: number): Float32Array {
  const start = byteOffset + from;
  const values = bytes / VALUE_BYTES;
  if (start % VALUE_BYTES === 0) return new Float32Array(buffer, start, values);
  if (aligned.length < values) {
    aligned = new Float32Array(values);
    alignedBytes = new Uint8Array(aligned.buffer);
  }
  alignedBytes.set(new Uint8Array(buffer, start, bytes));
  return aligned;
}
