import type { Access } from './access.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Backend } from './core/backend.ts';
import { SidecarError } from './core/errors.ts';
import type { Clock } from './core/log.ts';
import type { Manifest } from './core/manifest.ts';
import type { ServedModel, WantedModel } from './core/model.ts';
import type { Streams } from './core/streams.ts';
import type { Call, TaskSettings } from './core/task.ts';
import type { Rate } from './http/rate-limit.ts';
import { artefactOf, type Bundle } from './models/bundle.ts';
import type { GoldenFigures } from './models/golden.ts';
import type { OpenModel } from './models/open.ts';
import type { Proof } from './models/proof.ts';
import type { Seats } from './models/rollout/seats.ts';
import type { TrialFigures } from './models/rollout/trial.ts';
import type { StoreState } from './models/store/store-state.ts';
import type { Release } from './system/release.ts';

export interface StateParts {
  readonly release: Release;
  readonly clock: Clock;
  readonly loaded: LoadedConfig;
  /** Version of the configuration that the YAML on disk would give now; null when that cannot be known. */
  readonly expectedVersion: () => string | null;
  readonly backend: Backend;
  readonly seats: Seats;
}

/** What the daemon knows of itself. All that people and machines are told about it is made from this, in report.ts. */
export class State {
  readonly release: Release;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly backend: Backend;
  readonly seats: Seats;
  readonly expectedVersion: () => string | null;
  /** In force; a reload replaces it. */
  loaded: LoadedConfig;
  /** What the store says, when the daemon last looked; null without a store, or where the configuration names the model. */
  books: StoreState | null = null;
  /** Remaining milliseconds of the probation; null while nobody is on one. */
  probationMs: () => number | null = () => null;
  compare: () => TrialFigures | null = () => null;
  isStopping = false;
  /** Null until it listens. */
  access: Access | null = null;
  /** Null until its task is made. */
  streams: Streams | null = null;
  lastInferenceMs: number | null = null;
  /** Path → "ready" or why it cannot answer. */
  endpoints: () => Readonly<Record<string, string>> = () => ({});

  constructor(parts: StateParts) {
    this.release = parts.release;
    this.clock = parts.clock;
    this.startedAt = parts.clock();
    this.loaded = parts.loaded;
    this.expectedVersion = parts.expectedVersion;
    this.backend = parts.backend;
    this.seats = parts.seats;
  }

  /** Of the TCP port; "" until it listens. */
  get url(): string {
    return this.access?.url ?? '';
  }

  get bundle(): Bundle {
    return this.seats.active.bundle;
  }

  get model(): OpenModel | null {
    return this.seats.active.model;
  }

  get proof(): Proof | null {
    return this.seats.active.proof;
  }

  /** Of the latest golden run, whichever backend answered. */
  get golden(): GoldenFigures | null {
    return this.seats.active.golden;
  }

  get manifest(): Manifest {
    return this.bundle.manifest;
  }

  get onnxSha256(): string | null {
    return artefactOf(this.bundle, 'onnx')?.sha256 ?? null;
  }

  get hefSha256(): string | null {
    return artefactOf(this.bundle, 'hef')?.sha256 ?? null;
  }

  get hefPath(): string | null {
    return artefactOf(this.bundle, 'hef')?.path ?? null;
  }

  /**
   * Why no window is answered now, by the active model or this one; one sentence, null while ready. The one judgement that
   * all others follow.
   */
  failure(resident = this.seats.active): string | null {
    if (this.isStopping) return 'The daemon is stopping.';
    const { available, reason } = this.backend.state();
    if (!available) return reason ?? 'The backend is not available.';
    return resident.failure();
  }

  /** The model for one request. Throws BACKEND_UNAVAILABLE or NOT_READY with the reason; not while only draining. */
  served(call?: Pick<Call, 'header' | 'requestId'>, wanted?: WantedModel): ServedModel {
    const resident = call === undefined ? this.seats.active : this.seats.choose(call, wanted);
    const { available, reason } = this.backend.state();
    if (!available) throw new SidecarError('BACKEND_UNAVAILABLE', reason ?? 'The backend is not available.');
    const failure = resident.failure();
    if (resident.served === null || failure !== null) {
      throw new SidecarError('NOT_READY', failure ?? 'The model is not loaded yet.');
    }
    return resident.served;
  }

  /** A window was answered. */
  answered(inferMs: number): void {
    this.lastInferenceMs = inferMs;
    this.proof?.answered();
  }

  rate(): Rate {
    const { windows_per_s, burst } = this.loaded.config.rate_limit;
    return { windowsPerSecond: windows_per_s, burst };
  }

  taskSettings(): TaskSettings {
    const { inference } = this.loaded.config;
    return {
      deadlineMs: inference.deadline_ms,
      maxDeadlineMs: inference.max_deadline_ms,
      maxBatchWindows: inference.max_batch_windows,
      validateInputRanges: inference.validate_input_ranges,
      allowUncalibratedMotifs: inference.allow_uncalibrated_motifs,
    };
  }
}
