import type { Inference, LoadedModel } from '../../core/backend.ts';
import { SidecarError } from '../../core/errors.ts';
import { sizeOf, type TensorSpec } from '../../core/tensor.ts';
import { inTime } from '../../core/timer.ts';
import type { Lane } from './lane.ts';
import { SLOTS } from './protocol.ts';

interface Waiting {
  readonly input: Float32Array;
  readonly resolve: (inference: Inference | PromiseLike<Inference>) => void;
  readonly reject: (error: unknown) => void;
}

const CLOSE_WAIT_MS = 2000;

/** A model in all lanes of the CPU backend: each window goes to a lane that is free. */
export class CpuModel implements LoadedModel {
  readonly id: string;
  readonly #lanes: readonly Lane[];
  readonly #input: TensorSpec;
  readonly #waiting: Waiting[] = [];
  #inFlight = 0;
  #closing: Promise<void> | null = null;
  #settled: (() => void) | null = null;

  readonly #onClose: () => void;

  constructor(id: string, input: TensorSpec, lanes: readonly Lane[], onClose: () => void = () => {}) {
    this.id = id;
    this.#input = input;
    this.#lanes = lanes;
    this.#onClose = onClose;
  }

  get lanes(): number {
    return this.#lanes.length;
  }

  get capacity(): number {
    return this.#lanes.length * SLOTS;
  }

  get lanesUp(): number {
    let up = 0;
    for (const lane of this.#lanes) if (lane.isUp()) up += 1;
    return up;
  }

  /** Why fewer windows are computed at a time than was asked for; null while all lanes work. */
  get degraded(): string | null {
    let working = 0;
    for (const lane of this.#lanes) if (lane.isUp() && !lane.isStuck()) working += 1;
    const missing = this.lanes - working;
    return missing === 0 ? null : `${missing} of ${this.lanes} CPU inference threads are restarting or do not answer`;
  }

  async run(input: Float32Array): Promise<Inference> {
    if (this.#closing !== null) throw new SidecarError('BACKEND_UNAVAILABLE', `The model ${this.id} has been closed.`);
    if (input.length !== sizeOf(this.#input)) {
      const wanted = `${sizeOf(this.#input)} values for ${this.#input.name} [${this.#input.shape}]`;
      throw new SidecarError('BACKEND_FAILED', `The model ${this.id} takes ${wanted}, not ${input.length}.`);
    }
    this.#inFlight += 1;
    try {
      const inference = await this.#place(input);
      const { degraded } = this;
      return degraded === null ? inference : { ...inference, degraded };
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#settled?.();
    }
  }

  poll(): void {
    for (const lane of this.#lanes) lane.poll();
  }

  /** Called by a lane when a slot of it became free, or it went up or down. */
  dispatch(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#freeLane();
      if (lane === null && this.lanesUp > 0) return;
      const next = this.#waiting.shift()!;
      if (lane === null) next.reject(noLane());
      else next.resolve(lane.run(next.input));
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(this.#onClose);
    return this.#closing;
  }

  #place(input: Float32Array): Promise<Inference> {
    const lane = this.#freeLane();
    if (lane !== null) return lane.run(input);
    if (this.lanesUp === 0) return Promise.reject(noLane());
    return new Promise((resolve, reject) => this.#waiting.push({ input, resolve, reject }));
  }

  /** The idlest lane: a window staged behind another one while a lane idles would wait for nothing. */
  #freeLane(): Lane | null {
    let best: Lane | null = null;
    for (const lane of this.#lanes) if (lane.freeSlots() > (best?.freeSlots() ?? 0)) best = lane;
    return best;
  }

  async #close(): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    if (this.#inFlight > 0) await inTime(settled, CLOSE_WAIT_MS); // a window that never ends must not keep us
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}

function noLane(): SidecarError {
  return new SidecarError('BACKEND_UNAVAILABLE', 'No CPU inference thread runs; one is being started. Retry later.');
}
