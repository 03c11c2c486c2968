import { Compile } from 'typebox/compile';
import { SidecarError } from '../../../core/errors.ts';
import { BINARY_HEADER_BYTES, BINARY_VERSION, type Samples, SamplesSchema } from '../../../core/stream-hello.ts';
import { toFloats, VALUE_BYTES } from '../../../core/tensor.ts';
import { finiteRefusal, rangeRefusal } from '../ranges.ts';
import { refuse } from '../refusal.ts';
import { CHANNELS } from '../schema.ts';
import type { Columns } from './columns.ts';
import { locationOf } from './location.ts';

/** Samples that came together, in the model's channels and units. */
export interface Frame {
  readonly seq: number;
  /** Of the first sample, by the client's clock; null: unknown. */
  readonly tMs: number | null;
  /** [samples×CHANNELS], valid until the next frame is read. */
  readonly samples: Float32Array;
}

/** How the samples of a stream are read. */
export interface FrameReader {
  readonly columns: Columns;
  /** Per channel the largest accepted absolute value. */
  readonly limits: Float64Array;
}

/** Where samples are put in order; grows to the largest frame. */
let work = new Float32Array(100 * CHANNELS);

const CYCLE = 2 ** 32;
const LONGEST_ECHO = 80;

/**
 * @param near about which seq is expected: a frame has its last 32 bits only
 * @throws SidecarError BAD_REQUEST when it is no frame, INVALID_INPUT for a sample that is not finite or out of range
 */
export function readBinaryFrame(bytes: Uint8Array, reader: FrameReader, near: number | null): Frame {
  const width = reader.columns.names.length;
  if (bytes.length < BINARY_HEADER_BYTES) throw noFrame(`has ${bytes.length} bytes, fewer than its header`);
  const head = new DataView(bytes.buffer, bytes.byteOffset, BINARY_HEADER_BYTES);
  const [version, flags, count] = [head.getUint8(0), head.getUint8(1), head.getUint16(2, true)];
  if (version !== BINARY_VERSION || flags !== 0) throw noFrame(`begins with ${version} ${flags}, not with 1 0`);
  const expected = BINARY_HEADER_BYTES + count * width * VALUE_BYTES;
  if (count === 0) throw noFrame('says that it has no samples');
  if (bytes.length !== expected) {
    throw noFrame(`has ${bytes.length} bytes; ${count} samples of ${width} columns make ${expected}`);
  }
  const tMs = head.getFloat64(8, true);
  if (Math.abs(tMs) === Number.POSITIVE_INFINITY) refuse('value_error', ['t_ms'], 'Number is not finite');
  const values = toFloats(bytes.subarray(BINARY_HEADER_BYTES));
  const seq = unwrap(head.getUint32(4, true), near);
  const samples = toModelSamples(seq, count, reader, (sample, column) => values[sample * width + column]!);
  return { seq, tMs: Number.isNaN(tMs) ? null : tMs, samples };
}

/** The number with these last 32 bits that is nearest to what is expected. */
function unwrap(low: number, near: number | null): number {
  if (near === null) return low;
  const cycles = Math.max(0, Math.round((near - low) / CYCLE));
  return low + cycles * CYCLE;
}

const samplesMessage = Compile(SamplesSchema);

/** @throws SidecarError INVALID_INPUT for a message that is not as SamplesSchema says, or a sample as above */
export function readJsonFrame(message: unknown, reader: FrameReader): Frame {
  if (!samplesMessage.Check(message)) {
    const [first] = samplesMessage.Errors(message);
    return refuse('value_error', locationOf(first?.instancePath), first?.message ?? 'is not valid');
  }
  const { seq, t_ms: tMs = null, samples } = message as Samples;
  if (seq > LAST_SEQ) refuse('value_error', ['seq'], `Must be below ${LAST_SEQ}`, seq);
  const width = reader.columns.names.length;
  const odd = samples.findIndex((row) => row.length !== width);
  if (odd >= 0) {
    refuse('value_error', ['samples', odd], `Expected ${width} columns, got ${samples[odd]!.length}`);
  }
  return {
    seq,
    tMs,
    samples: toModelSamples(seq, samples.length, reader, (sample, column) => samples[sample]![column]!),
  };
}

/** Beyond it numbers of samples are no longer told apart. */
const LAST_SEQ = 2 ** 53 - 2 ** 20;

/** A client's columns → the model's channels and units, checked. */
function toModelSamples(
  seq: number,
  count: number,
  { columns: { column, factor }, limits }: FrameReader,
  valueAt: (sample: number, column: number) => number,
): Float32Array {
  if (work.length < count * CHANNELS) work = new Float32Array(count * CHANNELS);
  let to = 0;
  for (let sample = 0; sample < count; sample++) {
    for (let channel = 0; channel < CHANNELS; channel++, to++) {
      const value = valueAt(sample, column[channel]!) * factor[channel]!;
      if (!(Math.abs(value) <= limits[channel]!)) throw new BadSample(sample, channel, value, seq + count);
      work[to] = value;
    }
  }
  return work.subarray(0, to);
}

/** A frame that is one, but for a sample that no sensor gives. */
export class BadSample extends SidecarError {
  /** The first sample after the frame: of the frame itself nothing is needed any more. */
  readonly nextSeq: number;

  constructor(sample: number, channel: number, value: number, nextSeq: number) {
    const { message, items = [] } = toRefusal(sample, channel, value);
    super('INVALID_INPUT', message, { items });
    this.nextSeq = nextSeq;
  }
}

function toRefusal(sample: number, channel: number, value: number): SidecarError {
  if (!Number.isFinite(value)) return finiteRefusal(['samples', sample, channel], value);
  return rangeRefusal(['samples', sample], channel, value);
}

/** After that nothing that comes can be trusted to begin where it should. */
export function noFrame(what: string): SidecarError {
  return new SidecarError(
    'BAD_REQUEST',
    `A message that is none: it ${what.slice(0, LONGEST_ECHO)}; see /docs/stream.`,
  );
}
