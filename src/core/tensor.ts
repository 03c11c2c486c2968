/** A named tensor's static shape; all tensors here are float32, row-major. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A tensor with its values; data.length is the product of the shape. */
export interface Tensor extends TensorSpec {
  readonly data: Float32Array;
}

/** Output name → flat float32 values in row-major order. */
export type Tensors = Readonly<Record<string, Float32Array>>;

/** Number of elements of a shape, e.g. [1,100,9] → 900. */
export function valuesIn(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

export function sizeOf({ shape }: TensorSpec): number {
  return valuesIn(shape);
}

/** Bytes of one value. */
export const VALUE_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** What is read from an address where no float32 may begin; grows to the largest that came. */
let aligned = new Float32Array(0);

/** The bytes as values: in place where their address allows it, else copied. Valid as long as the bytes, and until the next call. */
export function toFloats({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array {
  const values = byteLength / VALUE_BYTES;
  if (byteOffset % VALUE_BYTES === 0) return new Float32Array(buffer, byteOffset, values);
  if (aligned.length < values) aligned = new Float32Array(values);
  new Uint8Array(aligned.buffer).set(new Uint8Array(buffer, byteOffset, byteLength));
  return aligned.subarray(0, values);
}
