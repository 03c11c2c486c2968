import { messageOf } from '../core/errors.ts';
import type { Clock, Log } from '../core/log.ts';

/**
 * Whether the model in service still is what it was verified to be: its golden windows run again at an interval, and
 * whenever the watchdog asks for a proof that no recent request gave. A model that fails them is out of service until
 * they pass again.
 */
export interface Proof {
  /** Why the model is out of service, one sentence; null while it is proven. */
  failure(): string | null;
  /** A real window was answered: that proves the backend as well as a synthetic one does. */
  answered(): void;
  /** True when the backend answered within the last `maxAgeMs`, asking it now if need be; false after `timeoutMs`. */
  isFresh(maxAgeMs: number, timeoutMs: number): Promise<boolean>;
  /** Runs the golden windows now; true when they pass. Concurrent callers share one run. */
  check(): Promise<boolean>;
  close(): void;
}

export interface ProofParts {
  /** Runs the golden windows; rejects when they do not come out right. */
  runGolden(): Promise<unknown>;
  readonly intervalMs: number;
  /** How soon a failed check is tried again. */
  readonly retryMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called at each change between proven and failed. */
  onChange(failure: string | null): void;
}

/** Starts proven: the caller has just run the golden windows. */
export function createProof(parts: ProofParts): Proof {
  let failure: string | null = null;
  let provedAt = parts.clock();
  let running: Promise<boolean> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function conclude(next: string | null): boolean {
    if (next === null) provedAt = parts.clock();
    if (next !== failure) {
      failure = next;
      if (next === null) parts.log.info({}, 'golden windows pass again: the model is back in service');
      else parts.log.error({}, next);
      parts.onChange(next);
    }
    schedule();
    return next === null;
  }

  function schedule(): void {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(check, failure === null ? parts.intervalMs : parts.retryMs);
    timer.unref();
  }

  function check(): Promise<boolean> {
    running ??= parts
      .runGolden()
      .then(
        () => conclude(null),
        (thrown) => conclude(`Model out of service, its golden windows failed: ${messageOf(thrown)}`),
      )
      .finally(() => {
        running = null;
      });
    return running;
  }

  async function isFresh(maxAgeMs: number, timeoutMs: number): Promise<boolean> {
    if (failure === null && parts.clock() - provedAt <= maxAgeMs) return true;
    let timeout: NodeJS.Timeout | undefined;
    const expired = new Promise<boolean>((resolve) => {
      timeout = setTimeout(resolve, timeoutMs, false);
    });
    const fresh = await Promise.race([check().then(() => true), expired]);
    clearTimeout(timeout);
    return fresh;
  }

  schedule();
  return {
    failure: () => failure,
    answered: () => {
      provedAt = parts.clock();
    },
    isFresh,
    check,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
