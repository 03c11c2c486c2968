import type { Backend } from '../../core/backend.ts';
import { type ErrorCode, type SidecarError, toSidecarError } from '../../core/errors.ts';
import type { Clock } from '../../core/log.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { Runner, ServedModel, Ticket, TimedInference } from '../../core/model.ts';
import { motifLabels } from '../../core/motif-head.ts';
import type { Vectors } from '../../core/task.ts';
import type { Tensors } from '../../core/tensor.ts';
import { type Bundle, motifCount } from '../bundle.ts';
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

export type Arbiter = (input: Float32Array) => Promise<boolean>;

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
  /** Each hears of every window, and then what each answer says is worked out, for a few microseconds per window. */
  readonly listeners = new Set<Listener>();
  /** Other models that can be asked whether a window without an answer of numbers is to blame itself: true when it is. */
  readonly arbiters = new Set<Arbiter>();
  /** It gave an answer that is none, and the window is not to blame. */
  onInvalid = () => {};
  #model: OpenModel | null = null;
  #served: ServedModel | null = null;
  readonly #parts: ResidentParts;

  constructor(parts: ResidentParts) {
    this.#parts = parts;
    this.ref = parts.ref;
    this.bundle = parts.bundle;
    this.id = toSource(parts.bundle).id;
    this.recents = createRecents(parts.clock);
    this.vitals = createVitals(parts);
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
    const runner: Runner = {
      refusal: (ticket) => this.#refusal(served, ticket),
      run: (input, ticket) => this.#run(served, input, ticket),
      pace: () => served.runner.pace(),
    };
    this.#served = { ...served, runner };
  }

  /** How many motif scores it gives, of its own or by its head; 0 when it gives none. */
  get scoreCount(): number {
    return motifCount(this.bundle) ?? 0;
  }

  /** Names of its motifs, in the order of the scores; empty when it has none. */
  get labels(): readonly string[] {
    return motifLabels(this.bundle.manifest, this.bundle.head);
  }

  /** Why it answers nobody, one sentence; null while it does. */
  failure(): string | null {
    if (this.#model === null) return 'The model is not loaded.';
    return this.proof?.failure() ?? null;
  }

  /** Starts counting anew. */
  watch(): void {
    this.vitals = createVitals(this.#parts);
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

  /** Asks this model about windows that another one, `of`, took. */
  arbiterFor(of: Resident): Arbiter {
    const convert = of.toInputOf(this);
    return (input) => this.#failsOn(convert(input));
  }

  /** Whether it has no answer of numbers for a window, either. */
  async #failsOn(input: Float32Array): Promise<boolean> {
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

  #refusal(served: ServedModel, ticket: Ticket): SidecarError | null {
    const refusal = served.runner.refusal(ticket);
    if (refusal !== null) this.#missed(refusal.code, ticket);
    return refusal;
  }

  async #run(served: ServedModel, input: Float32Array, ticket: Ticket): Promise<TimedInference> {
    let inference: TimedInference;
    try {
      inference = await served.runner.run(input, ticket);
    } catch (thrown) {
      this.#missed(toSidecarError(thrown).code, ticket);
      throw thrown;
    }
    return this.#heard(input, inference) ? inference : { ...inference, isInputFree: false };
  }

  /**
   * What an answer says is worked out only while somebody listens; the task does it for the client anyway.
   * Returns whether nobody has kept the input.
   */
  #heard(input: Float32Array, inference: TimedInference): boolean {
    this.totals.answered += 1;
    const isDue = this.recents.isDue();
    if (this.listeners.size === 0 && !isDue) {
      this.vitals.answered(inference, null, input);
      return true;
    }
    try {
      const vectors = this.toVectors(inference.outputs);
      if (isDue) this.recents.offer(input);
      this.vitals.answered(inference, vectors, input);
      for (const listener of this.listeners) listener(input, inference, vectors);
    } catch (thrown) {
      this.totals.answered -= 1;
      void this.#blame(input, toSidecarError(thrown).code);
    }
    return false;
  }

  async #blame(input: Float32Array, code: ErrorCode): Promise<void> {
    if (this.arbiters.size === 0) return this.#failed(code);
    for (const isToBlame of this.arbiters) if (await isToBlame(input)) return;
    this.vitals.invalid();
    this.totals.errors += 1;
    this.onInvalid();
  }

  /** A box that is full of batches, or a client without patience, is no fault of the model. */
  #missed(code: ErrorCode, { batch, isHurried }: Ticket): void {
    const isUsual = batch === undefined && isHurried !== true;
    if (isUsual || toFailureKind(code) !== 'late') this.#failed(code);
  }

  #failed(code: ErrorCode): void {
    this.vitals.failed(code);
    const kind = toFailureKind(code);
    if (kind === 'error') this.totals.errors += 1;
    if (kind === 'late') this.totals.late += 1;
  }
}
