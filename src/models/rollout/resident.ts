import type { Backend, BackendKind } from '../../core/backend.ts';
import { type ErrorCode, toSidecarError } from '../../core/errors.ts';
import type { Clock } from '../../core/log.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { ServedModel, Ticket, TimedInference } from '../../core/model.ts';
import type { Vectors } from '../../core/task.ts';
import type { Tensors } from '../../core/tensor.ts';
import type { Bundle } from '../bundle.ts';
import type { GoldenFigures } from '../golden.ts';
import { type OpenModel, openModel, toSource } from '../open.ts';
import type { Proof } from '../proof.ts';
import type { ModelRef } from '../store/store-state.ts';
import { createRecents, type Recents } from './recents.ts';
import { createVitals, toFailureKind, type Vitals } from './vitals.ts';

export interface ResidentParts {
  /** Where the bundle came from; null: a directory that the configuration names. */
  readonly ref: ModelRef | null;
  readonly bundle: Bundle;
  readonly backend: Backend;
  prepare(raw: Float32Array): Float32Array;
  toVectors(model: Pick<ServedModel, 'manifest' | 'head'>, outputs: Tensors): Vectors;
  convert(from: Manifest, to: Manifest): (input: Float32Array) => Float32Array;
  readonly clock: Clock;
  maxQueueSize(): number;
  /** The strict device is another model's for now: it proves itself when it takes the device, not before. */
  readonly isWaitingForDevice?: boolean;
}

/** Hears of each window that was answered; `input` is its own from then on. */
export type Listener = (input: Float32Array, inference: TimedInference, vectors: Vectors) => void;

/** One version of a model that is loaded: verified, warm, proved, watched. It is closed by whoever opened it. */
export class Resident {
  readonly ref: ModelRef | null;
  /** name@version */
  readonly id: string;
  readonly bundle: Bundle;
  readonly recents: Recents;
  vitals: Vitals;
  /** Since it was loaded; counters for the metrics never go back. */
  readonly totals = { answered: 0, errors: 0, late: 0 };
  proof: Proof | null = null;
  /** Of the latest golden run, whichever backend answered. */
  golden: GoldenFigures | null = null;
  /** On probation or in a comparison: what each answer says is worked out, which costs a few microseconds per window. */
  isWatched = false;
  listener: Listener | null = null;
  /** Whether another model fails on the window as well: then the window is to blame. Asked for answers that are no numbers. */
  failsElsewhere: ((input: Float32Array) => Promise<boolean>) | null = null;
  #model: OpenModel | null = null;
  #served: ServedModel | null = null;
  readonly #parts: ResidentParts;

  constructor(parts: ResidentParts) {
    this.#parts = parts;
    this.ref = parts.ref;
    this.bundle = parts.bundle;
    this.id = toSource(parts.bundle).id;
    this.recents = createRecents(parts.clock);
    this.vitals = createVitals({ clock: parts.clock });
  }

  get model(): OpenModel | null {
    return this.#model;
  }

  /** What requests are answered by; null while the backend cannot run. */
  get served(): ServedModel | null {
    return this.#served;
  }

  /** Loads, warms up and proves it. Leaves the model out when the backend cannot run; throws what openModel throws. */
  async open(): Promise<void> {
    const { backend } = this.#parts;
    const onGolden = (figures: GoldenFigures) => {
      this.golden = figures;
    };
    try {
      this.#model = await openModel({ ...this.#parts, onGolden });
    } catch (thrown) {
      if (toSidecarError(thrown).code === 'BACKEND_UNAVAILABLE' && !backend.state().available) return;
      throw thrown;
    }
    const { served } = this.#model;
    this.#served = { ...served, runner: { run: (input, ticket) => this.#run(served, input, ticket) } };
  }

  /** Why it answers nobody, one sentence; null while it does. */
  failure(): string | null {
    if (this.#model === null) return 'The model is not loaded.';
    return this.proof?.failure() ?? null;
  }

  /** Starts counting anew, with what this very model gave for known windows as the reference. */
  watch(reference: readonly Float32Array[], referenceBackend?: BackendKind): void {
    const { clock } = this.#parts;
    this.vitals = createVitals({ clock, reference, ...(referenceBackend && { referenceBackend }) });
  }

  toVectors(outputs: Tensors): Vectors {
    return this.#parts.toVectors(this.bundle, outputs);
  }

  /** The windows of its bundle, as it takes them. */
  goldenInputs(): Float32Array[] {
    return this.bundle.golden.windows.map(({ x }) => this.#parts.prepare(Float32Array.from(x.flat())));
  }

  /** A window as this model took it, as `other` takes it: the two may be normalised differently. */
  toInputOf(other: Resident): (input: Float32Array) => Float32Array {
    return this.#parts.convert(this.bundle.manifest, other.bundle.manifest);
  }

  /** Whether it has no answer of numbers for a window, either. */
  async failsOn(input: Float32Array): Promise<boolean> {
    try {
      const inference = await this.#model?.model.run(input);
      if (inference !== undefined) this.toVectors(inference.outputs);
      return false;
    } catch (thrown) {
      return toSidecarError(thrown).code === 'BACKEND_FAILED';
    }
  }

  async close(): Promise<void> {
    this.proof?.close();
    await this.#model?.close();
  }

  async #run(served: ServedModel, input: Float32Array, ticket: Ticket): Promise<TimedInference> {
    let inference: TimedInference;
    try {
      inference = await served.runner.run(input, ticket);
    } catch (thrown) {
      this.#failed(toSidecarError(thrown).code);
      throw thrown;
    }
    this.#heard(input, inference);
    return inference;
  }

  /** What an answer says is worked out only while somebody listens; the task does it for the client anyway. */
  #heard(input: Float32Array, inference: TimedInference): void {
    this.recents.offer(input);
    this.totals.answered += 1;
    if (!this.isWatched && this.listener === null) return this.vitals.answered(inference, null, input);
    try {
      const vectors = this.toVectors(inference.outputs);
      this.vitals.answered(inference, vectors, input);
      this.listener?.(input, inference, vectors);
    } catch (thrown) {
      this.totals.answered -= 1;
      void this.#blame(input, toSidecarError(thrown).code);
    }
  }

  async #blame(input: Float32Array, code: ErrorCode): Promise<void> {
    if (this.failsElsewhere === null) return this.#failed(code);
    if (await this.failsElsewhere(input)) return;
    this.vitals.invalid();
    this.totals.errors += 1;
  }

  #failed(code: ErrorCode): void {
    this.vitals.failed(code);
    const kind = toFailureKind(code);
    if (kind === 'error') this.totals.errors += 1;
    if (kind === 'late') this.totals.late += 1;
  }
}
