/** The stand-in's arithmetic in TypeScript, number for number, for tests that must know the right answer. */
export interface Quantisation {
  readonly zeroPoint: number;
  readonly scale: number;
  readonly type?: 'UINT8' | 'UINT16';
}

const MASK = 0xffffffffffffffffn;

/** Weight [j][k] of kind `linear`: number j·outputs+k+1 of splitmix64 from the seed, its top 24 bits in [−1, 1). */
export function linearWeights(seed: number, inputs: number, outputs: number): Float64Array {
  const key = `${seed} ${inputs} ${outputs}`;
  const known = drawn.get(key) ?? draw(seed, inputs, outputs);
  drawn.set(key, known);
  return known;
}

const drawn = new Map<string, Float64Array>();

function draw(seed: number, inputs: number, outputs: number): Float64Array {
  return Float64Array.from({ length: inputs * outputs }, (_, i) => {
    let z = (BigInt(seed) + BigInt(i + 1) * 0x9e3779b97f4a7c15n) & MASK;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    z ^= z >> 31n;
    return (Number(z >> 40n) - 2 ** 23) / 2 ** 23;
  });
}

/** What a number becomes by way of the chip's integers; half goes to the even level. */
export function quantised(value: number, by: Quantisation): number {
  const scale = Math.fround(by.scale);
  const zeroPoint = Math.fround(by.zeroPoint);
  const level = Math.max(0, Math.min(roundHalfEven(value / scale + zeroPoint), by.type === 'UINT16' ? 65535 : 255));
  return (level - zeroPoint) * scale;
}

function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** The float32 frame that one output of kind `linear` answers. */
export function linearAnswer(
  frame: Float32Array,
  outputs: number,
  seed: number,
  input: Quantisation,
  output: Quantisation,
): Float32Array {
  const weights = linearWeights(seed, frame.length, outputs);
  const sums = new Float64Array(outputs);
  frame.forEach((value, j) => {
    const seen = quantised(value, input);
    for (let k = 0; k < outputs; k++) sums[k]! += weights[j * outputs + k]! * seen;
  });
  return Float32Array.from(sums, (sum) => quantised(sum / Math.sqrt(frame.length), output));
}
