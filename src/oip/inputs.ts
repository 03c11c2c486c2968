import { type Tensor, toFloats } from '../core/tensor.ts';
import { readValues } from './json-values.ts';
import type { Order } from './order.ts';

/**
 * The tensors of an order by name; those from binary data are valid until the next call, and as long as the body is.
 * @param jsonBytes where the binary data begins
 */
export function toInputs(order: Order, body: Uint8Array, jsonBytes: number): ReadonlyMap<string, Tensor> {
  const inputs = new Map<string, Tensor>();
  const binary = toFloats(body.subarray(jsonBytes, jsonBytes + order.binaryBytes));
  let at = 0;
  for (const [i, { name, shape, values, data }] of order.inputs.entries()) {
    const numbers = data === null ? binary.subarray(at, at + values) : readValues(data, shape, `inputs[${i}].data`);
    inputs.set(name, { name, shape, data: numbers });
    if (data === null) at += values;
  }
  return inputs;
}
