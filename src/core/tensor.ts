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
export function sizeOf(spec: TensorSpec): number {
  return spec.shape.reduce((product, side) => product * side, 1);
}
