import type { Inference } from './backend.ts';
import type { SidecarError } from './errors.ts';
import type { Manifest, MotifHead } from './manifest.ts';

/** One window's place in the gate. */
export interface Ticket {
  /** Monotonic milliseconds after which an answer is worthless. */
  readonly deadlineAt: number;
  /**
   * The request that this window is one of several of, or that waits longer than usual; such windows wait until no others
   * do, and take turns between requests. Absent: a single window in a hurry.
   */
  readonly batch?: object;
  /** The client gives it less time than usual: that it comes too late says nothing of the model. */
  readonly isHurried?: boolean;
  /** True once the client has left: the window is dropped before it costs anything. */
  isGone(): boolean;
}

/** An inference with the time it waited and the time it took. */
export interface TimedInference extends Inference {
  readonly queueMs: number;
  /** Inside the backend, behind others that were there before. */
  readonly inferMs: number;
  /** The window's own share of that: what does not grow with the load. */
  readonly serviceMs: number;
  /** Nobody has kept the input: it is the caller's again. */
  readonly isInputFree: boolean;
}

/**
 * The way to the model: a bounded queue with a deadline in front of LoadedModel.run.
 * Rejects with QUEUE_FULL, DEADLINE_EXCEEDED, CLIENT_GONE, SHUTTING_DOWN or what the model rejects with.
 * `input` is handed over as in LoadedModel.
 */
export interface Runner {
  /** Why run() would turn this ticket away now, without a window: known before anything was parsed; null when it would not. */
  refusal(ticket: Ticket): SidecarError | null;
  run(input: Float32Array, ticket: Ticket): Promise<TimedInference>;
  pace(): RunnerPace;
}

/** How much the model gets through, as its latest windows show it. */
export interface RunnerPace {
  readonly windowsPerSecond: number;
  /** Windows that it takes at a time: fewer leave a part of it idle. */
  readonly capacity: number;
}

/** A model as a path names it. */
export interface WantedModel {
  readonly name: string;
  /** null: the one that answers when nobody asks for a version. */
  readonly version: string | null;
}

/** A verified model in service. A task reads it once per call, so that no reply mixes two models. */
export interface ServedModel {
  /** name@version */
  readonly id: string;
  readonly manifest: Manifest;
  /** The bundle's motif head file, when the manifest names one. */
  readonly head: MotifHead | null;
  readonly runner: Runner;
}
