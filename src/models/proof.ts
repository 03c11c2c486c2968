import { messageOf } from '../core/errors.ts';
import type { Clock, Log } from '../core/log.ts';
import { MESSAGE_IDS } from '../core/message-ids.ts';
import { inTime, MAX_TIMER_MS } from '../core/timer.ts';

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
  /**
   * True when the backend answered within the last `maxAgeMs`, asking it now if need be, rightly or wrongly: a wrong
   * answer takes the model out of service, but a restart would not cure it. False when it stays silent for `timeoutMs`.
   */
  isFresh(maxAgeMs: number, timeoutMs: number): Promise<boolean>;
  /** Runs the golden windows now; true when they pass. Concurrent callers share one run. */
  check(): Promise<boolean>;
  close(): void;
}

export interface ProofParts {
  /** Runs the golden windows; rejects when they do not come out right. */
  runGolden(): Promise<unknown>;
  readonly intervalMs: number;
  /** The device was released on purpose: the interval must not wake it, and it proves itself when it is woken. */
  isIdle?(): boolean;
  /** How soon a failed check is tried again. */
  readonly retryMs: number;
  /** A backend that has not answered its golden windows by then is wedged; 10 s by default. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called at each change between proven and failed. */
  onChange(failure: string | null): void;
}

type Outcome = 'passed' | 'failed' | 'silent';

const TIMEOUT_MS = 10_000;

/** Starts proven: the caller has just run the golden windows. */
export function createProof(parts: ProofParts): Proof {
  let failure: string | null = null;
  let provedAt = parts.clock();
  let running: Promise<Outcome> | null = null;
  let golden: Promise<unknown> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function conclude(outcome: Outcome, cause = ''): Outcome {
    const next = outcome === 'passed' ? null : `Model out of service, its golden windows ${cause}`;
    if (next === null) provedAt = parts.clock();
    if (next !== failure) {
      failure = next;
      if (next === null)
        parts.log.info(
          { message_id: MESSAGE_IDS.modelBack },
          'golden windows pass again: the model is back in service',
        );
      else parts.log.error({ message_id: MESSAGE_IDS.modelRefused }, next);
      parts.onChange(next);
    }
    schedule();
    return outcome;
  }

  function schedule(): void {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(askUnlessIdle, Math.min(MAX_TIMER_MS, failure === null ? parts.intervalMs : parts.retryMs));
    timer.unref();
  }

  function askUnlessIdle(): void {
    if (failure === null && parts.isIdle?.()) schedule();
    else void ask();
  }

  function ask(): Promise<Outcome> {
    running ??= hear().finally(() => {
      running = null;
    });
    return running;
  }

  /** A wedged backend keeps its one unanswered run: asking again would only pile them up. */
  async function hear(): Promise<Outcome> {
    golden ??= parts.runGolden().finally(() => {
      golden = null;
    });
    const timeoutMs = parts.timeoutMs ?? TIMEOUT_MS;
    try {
      if (await inTime(golden, timeoutMs)) return conclude('passed');
      return conclude('silent', `got no answer within ${timeoutMs} ms.`);
    } catch (thrown) {
      return conclude('failed', `failed: ${messageOf(thrown)}`);
    }
  }

  async function isFresh(maxAgeMs: number, timeoutMs: number): Promise<boolean> {
    if (failure === null && parts.clock() - provedAt <= maxAgeMs) return true;
    const answer = ask().then((outcome) => outcome !== 'silent');
    return (await inTime(answer, timeoutMs)) && answer;
  }

  schedule();
  return {
    failure: () => failure,
    answered: () => {
      provedAt = parts.clock();
    },
    isFresh,
    check: async () => (await ask()) === 'passed',
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
