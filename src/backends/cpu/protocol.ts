import { sizeOf, type TensorSpec } from '../../core/tensor.ts';

/** What a lane's thread is started with. The model's bytes are shared: every lane reads the same ones. */
export interface WorkerInit {
  readonly onnx: SharedArrayBuffer;
  readonly input: TensorSpec;
  readonly outputs: readonly TensorSpec[];
  /** Room for SLOTS windows and their outputs; see slotViews. */
  readonly slots: SharedArrayBuffer;
  /** See crossing.ts. */
  readonly flags: Int32Array<SharedArrayBuffer>;
}

/** What a graph takes and gives, as the runtime reports it; a dimension that is not fixed is a string. */
export interface GraphFacts {
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
}

export interface GraphTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/**
 * To a thread: the number of a slot to compute, or "close".
 * From it: `ready` once (or it ends with `failed`), then per slot its number when the outputs are in it, or why not.
 */
export type ToWorker = number | 'close';
export type FromWorker =
  | number
  | { readonly ready: GraphFacts }
  | { readonly failed: string }
  | { readonly slot: number; readonly error: string };

/** One window is computed while the next is there already: the thread never waits for a message. */
export const SLOTS = 2;

/** What both sides know of the slots, beside their contents. */
export interface SlotMarks {
  /** Per slot 1 once its outputs are in it; the message that says so comes later, when the event loop has its turn. */
  readonly isDone: Int32Array;
  /** Milliseconds that the runtime took for the slot. */
  readonly tookMs: Float64Array;
}

const MARKS_BYTES = SLOTS * (Float64Array.BYTES_PER_ELEMENT + Float64Array.BYTES_PER_ELEMENT);

export function slotMarks(slots: SharedArrayBuffer): SlotMarks {
  const tookMs = new Float64Array(slots, 0, SLOTS);
  return { tookMs, isDone: new Int32Array(slots, tookMs.byteLength, SLOTS) };
}

export interface Slot {
  readonly input: Float32Array;
  /** In the order of WorkerInit.outputs. */
  readonly outputs: readonly Float32Array[];
}

/** The slots of a lane as views of its shared memory, behind its marks: input, then each output, slot after slot. */
export function slotViews({ input, outputs, slots }: Pick<WorkerInit, 'input' | 'outputs' | 'slots'>): Slot[] {
  let offset = MARKS_BYTES;
  const take = (spec: TensorSpec): Float32Array => {
    const view = new Float32Array(slots, offset, sizeOf(spec));
    offset += view.byteLength;
    return view;
  };
  return Array.from({ length: SLOTS }, () => ({ input: take(input), outputs: outputs.map(take) }));
}

/** Bytes that slotMarks and slotViews need. */
export function slotBytes(input: TensorSpec, outputs: readonly TensorSpec[]): number {
  const elements = sizeOf(input) + outputs.reduce((sum, spec) => sum + sizeOf(spec), 0);
  return MARKS_BYTES + SLOTS * elements * Float32Array.BYTES_PER_ELEMENT;
}
