import { toSidecarError } from '../../core/errors.ts';
import type { Clock } from '../../core/log.ts';
import { type Comparison, compareVersions } from './compare.ts';
import { createPairs, type PairFigures, type Pairs, type PairsParts } from './pairs.ts';
import type { Listener, Resident } from './resident.ts';
import type { RolloutLimits } from './rollout-limits.ts';
import type { SeatedCandidate, Seats } from './seats.ts';

export interface TrialParts {
  readonly seats: Seats;
  readonly clock: Clock;
  limits(): RolloutLimits;
}

/** The candidate beside the active model: both compute the same windows, only one of them answers. */
export interface Trial {
  start(candidate: SeatedCandidate): void;
  /** Goes on beside another active model, from nothing. */
  restart(): void;
  /** Takes the candidate off its seat; the caller closes it, or makes it the active one. */
  end(): Resident | null;
  /** null while there is no candidate. */
  compare(): TrialFigures | null;
}

export interface TrialFigures extends Comparison {
  readonly pairs: PairFigures;
}

/** A window that nobody waits for may take its time. */
const PATIENCE_MS = 1000;
/** Nine parts of ten belong to those who wait for an answer. */
const REST = 9;

export function createTrial({ seats, clock, limits }: TrialParts): Trial {
  let pairs: Pairs = createPairs();
  const ignore: Listener = () => {}; // its answers are counted all the same
  let unhook = () => {};

  /** One at a time, with long rests, and only while neither has anything else to do: nobody's answer waits for a comparison. */
  function repeatOn(own: Resident, other: Resident, isCandidate: boolean): Listener {
    const convert = own.toInputOf(other);
    let restUntil = Number.NEGATIVE_INFINITY;
    return (input, inference, vectors) => {
      const { model, served } = other;
      if (model === null || served === null) return;
      const startAt = clock();
      if (startAt < restUntil || !isIdle(other) || !isIdle(own)) return pairs.drop();
      restUntil = Number.POSITIVE_INFINITY;
      const runner = isCandidate ? served.runner : model.gate; // the candidate's figures count these, the active one's do not
      const ticket = { deadlineAt: clock() + PATIENCE_MS, isGone: () => false };
      runner
        .run(convert(input), ticket)
        .then((repeated) => {
          const second = other.toVectors(repeated.outputs);
          if (isCandidate) pairs.add(vectors, second, inference.serviceMs, repeated.serviceMs);
          else pairs.add(second, vectors, repeated.serviceMs, inference.serviceMs);
        })
        .catch((thrown) => {
          const { code } = toSidecarError(thrown);
          if (isCandidate) pairs.failed(code);
          else pairs.activeFailed(code);
        })
        .finally(() => {
          restUntil = clock() + REST * (clock() - startAt);
        });
    };
  }

  function end(): Resident | null {
    unhook();
    unhook = () => {};
    const resident = seats.candidate?.resident ?? null;
    seats.candidate = null;
    return resident;
  }

  /** Both are measured alike, whichever of them answers, and each may put a failure down to the window. */
  function start(candidate: SeatedCandidate): void {
    end();
    const { active } = seats;
    const { resident, mode } = candidate;
    pairs = createPairs(toLabels(active, resident));
    seats.candidate = candidate;
    const repeat = mode === 'shadow' ? repeatOn(active, resident, true) : repeatOn(resident, active, false);
    const hooks = mode === 'shadow' ? { active: repeat, resident: ignore } : { active: ignore, resident: repeat };
    const arbiters = { active: resident.arbiterFor(active), resident: active.arbiterFor(resident) };
    active.listeners.add(hooks.active);
    active.arbiters.add(arbiters.active);
    resident.listeners.add(hooks.resident);
    resident.arbiters.add(arbiters.resident);
    unhook = () => {
      active.listeners.delete(hooks.active);
      active.arbiters.delete(arbiters.active);
      resident.listeners.delete(hooks.resident);
      resident.arbiters.delete(arbiters.resident);
    };
  }

  return {
    start,
    restart: () => {
      const { candidate } = seats;
      if (candidate !== null) start(candidate);
    },
    end,
    compare: () => {
      if (seats.candidate === null) return null;
      const { resident } = seats.candidate;
      const figures = pairs.figures();
      const active = seats.active.vitals.figures();
      const candidate = resident.vitals.figures();
      const sameBackend = active.backend === candidate.backend;
      const comparison = compareVersions({ pairs: figures, active, candidate, sameBackend, limits: limits() });
      return { ...comparison, pairs: figures };
    },
  };
}

/** Motifs are compared by name where both have names. */
function toLabels(active: Resident, candidate: Resident): PairsParts {
  const labels = { active: active.labels, candidate: candidate.labels };
  return labels.active.length > 0 && labels.candidate.length > 0 ? { labels } : {};
}

function isIdle({ model }: Resident): boolean {
  const stats = model?.gate.stats();
  return stats !== undefined && stats.waiting + stats.inFlight === 0;
}
