/** The body of a stand-in HEF: a text that says what the network is, then binary float32. README.md has its grammar. */
export interface StandInStream {
  readonly name: string;
  /** height, width, features. */
  readonly shape: readonly [number, number, number];
  readonly type?: 'UINT8' | 'UINT16' | 'FLOAT32';
  readonly order?: 'NHWC' | 'NHCW' | 'FCR' | 'NHW' | 'NC' | 'NCHW';
  readonly zeroPoint?: number;
  readonly scale?: number;
}

/** A seeded matrix over all inputs, or weights given as one row per output value over the mean of the inputs' rows. */
export type StandInCompute =
  | { readonly kind: 'linear'; readonly seed: number }
  | {
      readonly kind: 'head';
      readonly weights: readonly (readonly number[])[];
      readonly bias?: readonly number[];
      /** So many sines of every input value come first. */
      readonly sines?: number;
      readonly isSigmoid?: boolean;
    };

export interface StandInOutput extends StandInStream {
  readonly compute?: StandInCompute;
  /** Quantised per channel: one pair per feature. */
  readonly channels?: readonly { readonly zeroPoint: number; readonly scale: number }[];
}

export interface StandInHef {
  readonly group?: string;
  readonly arch?: string;
  readonly inputs: readonly StandInStream[];
  readonly outputs: readonly StandInOutput[];
  /** For these very float32 input frames (all inputs, one after the other) these outputs, before quantisation. */
  readonly table?: readonly { readonly inputs: Float32Array; readonly outputs: Float32Array }[];
  /** A library before 5.0 crashes when it reads this HEF, as 4.x does on some that the compiler 5.4 made. */
  readonly hasEmptyZeroPoints?: boolean;
}

/** At least 256 bytes, which is what XXH3 as written here needs. */
export function standInBody(hef: StandInHef): Buffer {
  const data = new Data();
  const lines = ['standin 1', `group ${hef.group ?? 'tiny'}`, `arch ${hef.arch ?? 'HAILO8'}`];
  if (hef.hasEmptyZeroPoints) lines.push('empty_zero_points');
  for (const stream of hef.inputs) lines.push(streamLine('input', stream));
  for (const stream of hef.outputs) lines.push(streamLine('output', stream));
  for (const output of hef.outputs) lines.push(...computeLines(output, data));
  if (hef.table !== undefined) {
    const pairs = hef.table.flatMap((pair) => [...pair.inputs, ...pair.outputs]);
    lines.push(`table ${hef.table.length} ${data.add(pairs)}`);
  }
  const text = Buffer.from(`${lines.join('\n')}\ndata\n`);
  return Buffer.concat([text, data.bytes(), Buffer.alloc(256)]);
}

function streamLine(direction: string, stream: StandInStream): string {
  const { name, shape, type = 'UINT8', order = 'NHWC', zeroPoint = 128, scale = 1 / 32 } = stream;
  if (/\s/.test(name)) throw new RangeError(`a vstream's name has no spaces: "${name}"`);
  return [direction, name, ...shape, type, order, zeroPoint, scale].join(' ');
}

function computeLines(output: StandInOutput, data: Data): string[] {
  const { name, compute = { kind: 'linear', seed: 1 }, channels } = output;
  const lines: string[] = [];
  if (channels !== undefined)
    lines.push(`channels ${name} ${data.add(channels.flatMap((c) => [c.zeroPoint, c.scale]))}`);
  if (compute.kind === 'linear') return [...lines, `linear ${name} ${compute.seed}`];
  const { weights, bias = weights.map(() => 0), sines = 0, isSigmoid = false } = compute;
  const offset = data.add([...weights.flat(), ...bias]);
  return [...lines, `head ${name} ${weights[0]!.length} ${offset} ${sines} ${isSigmoid ? 'sigmoid' : 'none'}`];
}

class Data {
  readonly #numbers: number[] = [];

  /** Where in the data the numbers begin, in bytes. */
  add(numbers: readonly number[]): number {
    const offset = this.#numbers.length * 4;
    for (const number of numbers) this.#numbers.push(number);
    return offset;
  }

  bytes(): Buffer {
    return Buffer.from(Float32Array.from(this.#numbers).buffer);
  }
}
