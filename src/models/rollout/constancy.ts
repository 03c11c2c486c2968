/** Whether a model answers the same, whatever it is asked. */
export interface Constancy {
  /** The input is looked at before this returns; all latents have the length of the first. */
  add(latent: Float32Array, input: Float32Array): void;
  /** Of the latest block that said something; null: the inputs did not differ enough yet to know. */
  isConstant(): boolean | null;
}

const MIN_WINDOWS = 32;
const MIN_INPUTS = 8;
const RELATIVE = 1e-6;
/**
 * Inputs count as different when a fingerprint differs by this much, in units of the normalised input: windows of a
 * sensor at rest differ by less, and an 8-bit device may rightly answer them alike.
 */
const INPUT_STEP = 0.02;
/** No divisor of a usual number of channels: it walks through all of them. */
const STRIDE = 7;

/**
 * Constant: 32 or more windows in a row, among them 8 inputs that differ, gave a latent of which no dimension moved by
 * more than a millionth of its size. One dimension that moves is enough for a model to be well: many a model has dead ones.
 * It looks at block after block, so that a model that gets stuck later is seen too. Costs one comparison per window, and the
 * fingerprint of the input only while nothing has moved yet in this block.
 */
export function createConstancy(): Constancy {
  const inputs = createInputSet();
  let first: Float32Array | null = null;
  let windows = 0;
  let isVarying = false;
  let verdict: boolean | null = null;

  function restart(latent: Float32Array): void {
    first ??= new Float32Array(latent.length);
    first.set(latent);
    inputs.clear();
    isVarying = false;
    windows = 0;
  }

  function look(latent: Float32Array, input: Float32Array): void {
    isVarying = differs(latent, first!);
    if (isVarying) verdict = false;
    else inputs.add(input);
  }

  return {
    add: (latent, input) => {
      if (windows === 0) restart(latent);
      windows += 1;
      if (!isVarying) look(latent, input);
      if (windows < MIN_WINDOWS || (!isVarying && !inputs.isFull())) return;
      verdict = !isVarying;
      windows = 0;
    },
    isConstant: () => verdict,
  };
}

function differs(latent: Float32Array, first: Float32Array): boolean {
  for (let i = 0; i < first.length; i++) {
    const a = latent[i]!;
    const b = first[i]!;
    if (Math.abs(a - b) > RELATIVE * Math.max(Math.abs(a), Math.abs(b))) return true;
  }
  return false;
}

/** Up to 8 inputs that differ, by the mean of all numbers and the mean of every 7th. */
function createInputSet() {
  const means = new Float64Array(MIN_INPUTS);
  const strided = new Float64Array(MIN_INPUTS);
  let size = 0;

  function isKnown(mean: number, stridedMean: number): boolean {
    for (let i = 0; i < size; i++) {
      if (Math.abs(means[i]! - mean) < INPUT_STEP && Math.abs(strided[i]! - stridedMean) < INPUT_STEP) return true;
    }
    return false;
  }

  return {
    add: (input: Float32Array) => {
      if (size === MIN_INPUTS) return;
      const mean = meanOf(input, 1);
      const stridedMean = meanOf(input, STRIDE);
      if (isKnown(mean, stridedMean)) return;
      means[size] = mean;
      strided[size] = stridedMean;
      size += 1;
    },
    clear: () => {
      size = 0;
    },
    isFull: () => size === MIN_INPUTS,
  };
}

function meanOf(values: Float32Array, stride: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += stride) sum += values[i]!;
  return sum / Math.max(1, Math.ceil(values.length / stride));
}
