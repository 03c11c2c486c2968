import type { ServedModel } from './model.ts';
import type { Call, Header, InferenceRecord, InputWarning, WindowTally } from './task.ts';
import type { Tensor, TensorSpec } from './tensor.ts';

/** A task as a function of tensors, for protocols that know nothing of windows. */
export interface TensorDoor {
  /** What predict() takes and gives; the first side of each shape is -1, the number of windows. */
  signature(model: ServedModel): { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] };
  /**
   * Takes the first window of a request from what its client may still send, before anything of it is read.
   * Throws RATE_LIMITED.
   */
  enter(call: Call): void;
  /**
   * Must read `inputs` before it first awaits: their memory may be the request's body.
   * @param inputs by name, checked against the signature, all with the same number of windows
   * @throws SidecarError as the task's own routes; with several windows the first failure is everybody's
   */
  predict(
    call: Call,
    model: ServedModel,
    inputs: ReadonlyMap<string, Tensor>,
    options: PredictOptions,
  ): Promise<Prediction>;
}

export interface PredictOptions {
  /** The input is normalised already, as `?normalized=true` says elsewhere. */
  readonly isNormalised: boolean;
}

export interface Prediction {
  readonly outputs: readonly Tensor[];
  /** Who answered, how fast, what looks wrong: X-Backend, X-Model, Server-Timing and so on. */
  readonly headers: readonly Header[];
  readonly inference: InferenceRecord;
  readonly windows: WindowTally;
  readonly warnings: readonly InputWarning[];
}
