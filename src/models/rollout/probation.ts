import { messageOf } from '../../core/errors.ts';
import type { Clock } from '../../core/log.ts';
import { inTime, MAX_TIMER_MS } from '../../core/timer.ts';
import { type DriftFigures, judgeProbation } from './judgement.ts';
import { MIN_FOR_ERRORS, type RolloutLimits, showMs } from './rollout-limits.ts';
import type { VitalFigures } from './vitals.ts';

export type ProbationOutcome =
  | { readonly kind: 'confirmed'; readonly text: string }
  | { readonly kind: 'failed'; readonly why: string };

/** Watches a model that has just been activated, until it is confirmed or has failed. */
export interface RunningProbation {
  /** Milliseconds until it ends if nothing happens; 0 once it has ended. */
  remainingMs(): number;
  /** Its golden windows did not come out right, or what answers them was taken out of service: one sentence. */
  goldenFailed(why: string): void;
  /** Something just went wrong that may be certain: no need to wait for the next look. */
  look(): void;
  /** Ends it without an outcome. Idempotent. */
  stop(): void;
}

export interface ProbationParts {
  readonly limits: RolloutLimits;
  readonly clock: Clock;
  /** Of the model on probation. */
  figures(): VitalFigures;
  /** Of the one it replaced, taken at the swap; null when there was none. */
  readonly before: VitalFigures | null;
  /** null: not enough to tell. */
  drift?(): DriftFigures | null;
  /** Rejects when they do not come out right. */
  runGolden(): Promise<unknown>;
  /** Called once, never after stop(). */
  onEnd(outcome: ProbationOutcome): void;
  /** How often it looks; a second by default. */
  readonly everyMs?: number;
  /** Golden windows without an answer by then have failed; 10 s by default. */
  readonly timeoutMs?: number;
}

const EVERY_MS = 1000;
const LOOKS = 3;
const TIMEOUT_MS = 10_000;

/**
 * Looks every second whether judgeProbation finds a breach, and ends when it does three times in a row. After probationMs without the golden windows run once more:
 * the model is confirmed when they pass, and when the errors, however few windows were seen, are no breach.
 */
export function createProbation(parts: ProbationParts): RunningProbation {
  const {
    limits,
    clock,
    figures,
    before,
    runGolden,
    onEnd,
    drift = () => null,
    everyMs = EVERY_MS,
    timeoutMs = TIMEOUT_MS,
  } = parts;
  const endsAt = clock() + limits.probationMs;
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  let breaches = 0;

  function schedule(): void {
    const waitMs = Math.max(1, Math.min(MAX_TIMER_MS, everyMs, endsAt - clock()));
    timer = setTimeout(look, limits.probationMs === 0 ? 0 : waitMs);
    timer.unref(); // a probation keeps no process alive
  }

  function look(): void {
    if (failsAt(false)) return;
    if (clock() < endsAt) schedule();
    else void conclude();
  }

  /** A bad moment passes; what is bad is so at several looks in a row. */
  function failsAt(isFinal: boolean): boolean {
    const found = judgeProbation(figures(), before, limits, isFinal, drift());
    breaches = found === null ? 0 : breaches + 1;
    if (found === null || (breaches < LOOKS && !isFinal && !found.isCertain)) return false;
    end({ kind: 'failed', why: found.breach });
    return true;
  }

  async function conclude(): Promise<void> {
    const failure = await goldenFailure();
    if (failure !== null) end({ kind: 'failed', why: failure });
    else if (!failsAt(true)) end({ kind: 'confirmed', text: toText(figures(), before) });
  }

  async function goldenFailure(): Promise<string | null> {
    try {
      const isInTime = await inTime(runGolden(), timeoutMs);
      return isInTime ? null : `Its golden windows at the end of the probation got no answer within ${timeoutMs} ms.`;
    } catch (thrown) {
      return `Its golden windows failed at the end of the probation: ${messageOf(thrown)}`;
    }
  }

  function end(outcome: ProbationOutcome): void {
    if (hasEnded) return;
    stop();
    onEnd(outcome);
  }

  function stop(): void {
    hasEnded = true;
    clearTimeout(timer);
  }

  schedule();
  return {
    remainingMs: () => (hasEnded ? 0 : Math.max(0, endsAt - clock())),
    look: () => {
      if (!hasEnded && judgeProbation(figures(), before, limits)?.isCertain) failsAt(false);
    },
    goldenFailed: (why) => end({ kind: 'failed', why }),
    stop,
  };
}

/** What the confirmation rests on; too few windows for a word about errors are named as such. */
function toText(now: VitalFigures, before: VitalFigures | null): string {
  const requests = now.answered + now.errors;
  if (requests < MIN_FOR_ERRORS) {
    const seen = requests === 1 ? '1 request was' : `${requests === 0 ? 'no' : `only ${requests}`} requests were`;
    return `by its golden windows alone: ${seen} seen`;
  }
  const errors = now.errors === 1 ? '1 error' : `${now.errors} errors`;
  const late = now.late === 0 ? '' : `, ${now.late} late`;
  return `${requests} requests, ${errors}${late}${medianText(now, before)}`;
}

function medianText(now: VitalFigures, before: VitalFigures | null): string {
  if (now.backend === null) return '';
  const was = before?.latencyByBackend.get(now.backend);
  const beforeText = was === undefined ? '' : ` (before ${showMs(was.median)})`;
  return `, median ${showMs(now.latencyByBackend.get(now.backend)!.median)}${beforeText}`;
}
