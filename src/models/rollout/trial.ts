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

export function createTrial({ seats, clock, limits }: TrialParts): Trial {
  let pairs: Pairs = createPairs();

  /** One at a time, and only while the other has nothing to do: nobody's answer waits for a comparison. */
  function repeatOn(own: Resident, other: Resident, isCandidate: boolean): Listener {
    const convert = own.toInputOf(other);
    let isBusy = false;
    return (input, inference, vectors) => {
      const { model, served } = other;
      if (model === null || served === null) return;
      const stats = model.gate.stats();
      if (isBusy || stats.waiting > 0 || stats.inFlight > 0) return pairs.drop();
      isBusy = true;
      const runner = isCandidate ? served.runner : model.gate; // the candidate's figures count these, the active one's do not
      const ticket = { deadlineAt: clock() + PATIENCE_MS, isGone: () => false };
      runner
        .run(convert(input), ticket)
        .then((repeated) => {
          const second = other.toVectors(repeated.outputs);
          if (isCandidate) pairs.add(vectors, second, inference.inferMs, repeated.inferMs);
          else pairs.add(second, vectors, repeated.inferMs, inference.inferMs);
        })
        .catch((thrown) => {
          const { code } = toSidecarError(thrown);
          if (isCandidate) pairs.failed(code);
          else pairs.activeFailed(code);
        })
        .finally(() => {
          isBusy = false;
        });
    };
  }

  function end(): Resident | null {
    const { candidate } = seats;
    seats.candidate = null;
    seats.active.listener = null;
    if (candidate === null) return null;
    candidate.resident.listener = null;
    candidate.resident.isWatched = false;
    return candidate.resident;
  }

  function start(candidate: SeatedCandidate): void {
    pairs = createPairs(toLabels(seats.active, candidate.resident));
    seats.candidate = candidate;
    candidate.resident.isWatched = true;
    const isShadow = candidate.mode === 'shadow';
    seats.active.listener = isShadow ? repeatOn(seats.active, candidate.resident, true) : null;
    candidate.resident.listener = isShadow ? null : repeatOn(candidate.resident, seats.active, false);
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
  const labels = { active: labelsOf(active), candidate: labelsOf(candidate) };
  return labels.active.length > 0 && labels.candidate.length > 0 ? { labels } : {};
}

function labelsOf({ bundle }: Resident): readonly string[] {
  const { labels } = bundle.manifest.motifs;
  return labels.length > 0 ? labels : (bundle.head?.labels ?? []);
}
