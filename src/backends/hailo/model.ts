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
  close(): Promise<void>;
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
  readonly #device: Device;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closing: Promise<void> | null = null;

  constructor(source: ModelSource, device: Device) {
    this.id = source.id;
    this.#source = source;
    this.#device = device;
  }

  async run(input: Float32Array): Promise<Inference> {
    if (this.#closing !== null) throw new SidecarError('BACKEND_UNAVAILABLE', `The model ${this.id} has been closed.`);
    return this.runOn(this.#device.link(), input);
  }

  /** Also for a link that does not serve yet: the golden windows go first. */
  async runOn(link: Link, input: Float32Array): Promise<Inference> {
    const running = link.run(this.#toFrame(input));
    this.#inFlight.add(running);
    try {
      return { outputs: this.#split(await running), backend: 'hailo', degraded: this.#device.degraded() };
    } finally {
      this.#inFlight.delete(running);
    }
  }

  demote(reason: string): void {
    this.#device.demote(reason);
  }

  close(): Promise<void> {
    this.#closing ??= inTime(Promise.allSettled([...this.#inFlight]), CLOSE_MS).then(() => this.#device.close());
    return this.#closing;
  }

  #toFrame(input: Float32Array): Uint8Array {
    const { input: spec } = this.#source;
    if (input.length !== sizeOf(spec)) {
      const wanted = `${sizeOf(spec)} values for ${spec.name} [${spec.shape}]`;
      throw new SidecarError('BACKEND_FAILED', `The model ${this.id} takes ${wanted}, not ${input.length}.`);
    }
    const frame = this.#device.isTransposed ? transpose(input, spec.shape) : input;
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
