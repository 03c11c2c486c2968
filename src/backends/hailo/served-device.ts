import type { BackendState, DeviceTelemetry } from '../../core/backend.ts';
import type { Link, StartHost } from './link.ts';
import type { OpenRequest, Step } from './messages.ts';
import type { VitalsParts } from './vitals.ts';

export interface DeviceParts extends VitalsParts {
  readonly startHost: StartHost;
  readonly request: OpenRequest;
  /** The longest time between two tries; a lost device is tried again sooner at first. */
  readonly probeIntervalMs: number;
  /** Idle for so long, the device is released for other programs; null: never. */
  readonly keepAliveMs: number | null;
  /** Why no host need be started: no chip, no access; null when one may try. Asked before each try. */
  whyNot(): string | null;
  /** Whether there is a chip at all. */
  isPresent(): boolean;
  /** Proves a link before it serves; throws when its golden windows do not come out right. */
  prove(link: Link): Promise<void>;
  /** A step of an opening is done, and what it found. */
  readonly onStep?: (step: Step, text: string) => void;
  /** Delay before the n-th try in a row, in milliseconds; for tests. */
  readonly retryDelayMs?: (attempt: number) => number;
  /** How long open() waits for the first try; for tests. */
  readonly startMs?: number;
}

/** The device with one model on it: opened, proved, lost, opened again. */
export interface ServedDevice {
  state(): BackendState;
  telemetry(): DeviceTelemetry | null;
  link(): Link;
  readonly isTransposed: boolean;
  degraded(): string | null;
  demote(reason: string): void;
  /** Resolves after the first try, or when that takes too long; later ones are made by themselves. Why it failed, or null. */
  open(): Promise<unknown>;
  /** One try that nobody else is told of: null when the device serves, else why not. Close it then: it may still be under way. */
  openOnce(withinMs: number): Promise<unknown>;
  /** Idempotent. */
  close(): Promise<void>;
}
