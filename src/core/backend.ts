import type { TensorSpec, Tensors } from './tensor.ts';

/** Where windows are computed. `stub` answers with a fixed rule, is chosen only by name, and says so everywhere. */
export type BackendKind = 'hailo' | 'cpu' | 'stub';

/** A file of a bundle whose digest has been verified against the manifest. */
export interface VerifiedArtefact {
  readonly kind: 'onnx' | 'hef';
  readonly path: string;
  readonly sha256: string;
  /** Of a .hef: the shape in which it takes the window; null as the model's own, sides of one aside. */
  readonly inputLayout?: readonly number[] | null;
  /** Of a .hef: tensor → vstream, where they are named differently. */
  readonly vstreams?: Readonly<Record<string, string>>;
  /** Of a .hef: what a window takes on a chip that is well, in milliseconds. */
  readonly expectedDeviceMs?: number | null;
}

/** All that a backend may know of a model: never its task, its labels or its normalisation. */
export interface ModelSource {
  /** name@version */
  readonly id: string;
  readonly input: TensorSpec;
  readonly outputs: readonly TensorSpec[];
  readonly artefacts: readonly VerifiedArtefact[];
  /**
   * Runs the golden windows; rejects when they do not come out right. A backend that loses its device and gets it back
   * calls this before the device answers anybody again.
   */
  prove?(run: (input: Float32Array) => Promise<Inference>): Promise<void>;
}

export interface BackendState {
  readonly kind: BackendKind;
  /** False: load() would fail and running models answer BACKEND_UNAVAILABLE; `reason` says why and what to do. */
  readonly available: boolean;
  readonly reason: string | null;
  /** Names the silicon for a person, e.g. "CPU: Cortex-A76, 1 lane". */
  readonly device: string;
  /** Why less is in force than was asked for; null when nothing is missing. */
  readonly degraded: string | null;
  /** There is no device, and never was one since the start: nothing is amiss where the CPU does the work. */
  readonly isAbsent?: boolean;
  /** The device was released on purpose, the next window opens it again: nobody should wake it for a proof. */
  readonly isIdle?: boolean;
}

/** What a device says of itself; null where it does not say. */
export interface DeviceTelemetry {
  /** As a person names it, e.g. hailo0. */
  readonly id: string;
  readonly identity: {
    readonly architecture: string;
    readonly firmware: string;
    readonly library: string;
    readonly board: string;
    readonly product: string;
    readonly serial: string;
  };
  /** One per sensor. */
  readonly temperaturesCelsius: readonly number[];
  readonly powerWatts: number | null;
  /** Of the core that computes networks. */
  readonly clockHz: number | null;
  /** Share of the time since the last measurement in which it had a window to compute, 0 to 1. */
  readonly utilisation: number | null;
  /** What a window took since the last measurement, in milliseconds. */
  readonly windowMs: number | null;
  /** How often it was opened again after a loss. */
  readonly restarts: number;
  /** What the chip reported by itself since the start, e.g. "clock change" → 2. */
  readonly events: Readonly<Record<string, number>>;
}

/** The answer of one run, with the truth about where it was computed. */
export interface Inference {
  readonly outputs: Tensors;
  readonly backend: BackendKind;
  readonly degraded: string | null;
  /** What computing this window alone took, where the backend knows: no waiting, on either side. */
  readonly computeMs?: number;
}

/**
 * A model resident in a backend.
 *
 * Ownership: `input` belongs to the model until the promise settles, and is copied before run() returns where another
 * backend may answer in its place; the outputs are fresh and belong to the caller.
 * Concurrency: run() may be called at any time; calls are answered each with its own result, in any order.
 * Failure: rejects with BACKEND_FAILED (this window), BACKEND_UNAVAILABLE (lane or device lost, or closed).
 */
export interface LoadedModel {
  readonly id: string;
  /** How many calls in flight keep the backend busy; more would only wait inside it, out of the gate's sight. */
  readonly capacity: number;
  /** How many windows are computed at the same time; what the gate's estimate divides by. */
  readonly lanes: number;
  run(input: Float32Array): Promise<Inference>;
  /**
   * Settles the calls whose windows are computed, without waiting for the event loop to deliver them: whoever refuses a
   * thousand requests in one turn of it would leave the backend without work meanwhile. Cheap; absent where it gains nothing.
   */
  poll?(): void;
  /** Takes what answers now out of service, for that reason, where something else can answer in its place. */
  demote?(reason: string): void;
  /** Whether the device is this model's, also while it does not serve; absent where models do not compete for anything. */
  readonly holdsDevice?: boolean;
  /**
   * Moves this model onto the device, taking it from the model that holds it, and resolves once its golden windows came out
   * right there. The former holder's windows go to the CPU meanwhile, or are rejected with BACKEND_UNAVAILABLE where there is
   * none. Resolves, too, when this model cannot use a device (no .hef, and a CPU that computes it), and when the device served
   * nobody before: lost or absent, it becomes this model's, and is opened when it is there. Rejects with MODEL_REFUSED and the
   * reason when the model does not serve on it; the former holder has it again then, or is being opened on it. Rejects with
   * BACKEND_UNAVAILABLE when the model is closed meanwhile. Calls take turns. Absent where models do not compete for anything.
   */
  takeDevice?(): Promise<void>;
  /** Lets calls in flight finish, refuses later ones, releases everything. Idempotent. */
  close(): Promise<void>;
}

/** An opened backend. close() closes its models first; idempotent. */
export interface Backend {
  readonly kind: BackendKind;
  /** Of the model that holds the device, where there is one; else of the model that was loaded last and is still open. */
  state(): BackendState;
  /** null while there is nothing to tell. */
  telemetry?(): DeviceTelemetry | null;
  /**
   * Loads beside the models that are loaded already. A device that holds one model at a time is the first one's, also after
   * a second one is loaded, see takeDevice(). Rejects with MODEL_INVALID (names, shapes or file contradict the source) or
   * BACKEND_UNAVAILABLE.
   */
  load(source: ModelSource): Promise<LoadedModel>;
  close(): Promise<void>;
}
