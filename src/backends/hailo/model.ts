import type { Inference, LoadedModel, ModelSource } from '../../core/backend.ts';
import { SidecarError } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import { inTime } from '../../core/timer.ts';
import type { Link } from './link.ts';

/** What the model asks of its device. */
export interface Device {
  /** The link that serves now. Throws BACKEND_UNAVAILABLE with the reason when there is none. */
  link(): Link;
  readonly isTransposed: boolean;
  /** Why its answers are less than they should be, or null. */
  degraded(): string | null;
  /** Takes the device out of service until it has proved itself anew. */
  demote(reason: string): void;
}

/** What the model asks of the one device that all models compete for. */
export interface Seat {
  readonly isHeld: boolean;
  /** Throws BACKEND_UNAVAILABLE and says who has the device, when it is not this model. */
  device(): Device;
  take(): Promise<void>;
  leave(): Promise<void>;
}

/** Enough to keep the device busy while an answer is on its way back and the next window on its way there. */
const CAPACITY = 12;
/** A device that hangs must not hold up the end of the service. */
const CLOSE_MS = 3000;

/** A model on the device: turns windows into frames and frames into tensors. */
export class HailoModel implements LoadedModel {
  readonly id: string;
  readonly capacity = CAPACITY;
  readonly lanes = 1;
  readonly #source: ModelSource;
  readonly #seat: Seat;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closing: Promise<void> | null = null;

  constructor(source: ModelSource, seat: Seat) {
    this.id = source.id;
    this.#source = source;
    this.#seat = seat;
  }

  async run(input: Float32Array): Promise<Inference> {
    if (this.#closing !== null) throw new SidecarError('BACKEND_UNAVAILABLE', `The model ${this.id} has been closed.`);
    const device = this.#seat.device();
    return this.runOn(device, device.link(), input);
  }

  /** Also for a link that does not serve yet: the golden windows go first. */
  async runOn(device: Device, link: Link, input: Float32Array): Promise<Inference> {
    const running = link.run(this.#toFrame(input, device.isTransposed));
    this.#inFlight.add(running);
    try {
      return { outputs: this.#split(await running), backend: 'hailo', degraded: device.degraded() };
    } finally {
      this.#inFlight.delete(running);
    }
  }

  demote(reason: string): void {
    if (this.#seat.isHeld) this.#seat.device().demote(reason);
  }

  get holdsDevice(): boolean {
    return this.#seat.isHeld;
  }

  takeDevice(): Promise<void> {
    return this.#seat.take();
  }

  get isClosed(): boolean {
    return this.#closing !== null;
  }

  /** Resolves when the windows in flight are answered, or that takes too long. */
  async settle(): Promise<void> {
    await inTime(Promise.allSettled([...this.#inFlight]), CLOSE_MS);
  }

  close(): Promise<void> {
    this.#closing ??= this.settle().then(() => this.#seat.leave());
    return this.#closing;
  }

  #toFrame(input: Float32Array, isTransposed: boolean): Uint8Array {
    const { input: spec } = this.#source;
    if (input.length !== sizeOf(spec)) {
      const wanted = `${sizeOf(spec)} values for ${spec.name} [${spec.shape}]`;
      throw new SidecarError('BACKEND_FAILED', `The model ${this.id} takes ${wanted}, not ${input.length}.`);
    }
    const frame = isTransposed ? transpose(input, spec.shape) : input;
    return new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  #split(all: Float32Array): Record<string, Float32Array> {
    const outputs: Record<string, Float32Array> = {};
    let at = 0;
    for (const spec of this.#source.outputs) {
      outputs[spec.name] = all.slice(at, at + sizeOf(spec));
      at += sizeOf(spec);
    }
    if (at === all.length) return outputs;
    throw new SidecarError('BACKEND_FAILED', `The device gave ${all.length} values for ${this.id}, not ${at}.`);
  }
}

function transpose(input: Float32Array, shape: readonly number[]): Float32Array {
  const [rows = 1, columns = 1] = shape.filter((side) => side !== 1);
  const turned = new Float32Array(input.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = input[row * columns + column]!;
  }
  return turned;
}
