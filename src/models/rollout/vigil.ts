import { messageOf } from '../../core/errors.ts';
import type { Clock, Log } from '../../core/log.ts';
import { createEcho, type Echo, type References } from './echo.ts';
import { createProbation, type ProbationOutcome } from './probation.ts';
import type { Arbiter, Resident } from './resident.ts';
import type { RolloutLimits } from './rollout-limits.ts';

export interface VigilParts {
  readonly resident: Resident;
  readonly limits: RolloutLimits;
  readonly clock: Clock;
  /** Called once, never after stop(). */
  onEnd(outcome: ProbationOutcome): void;
}

/** A probation and all that hangs on it: who hears of each window, and who is asked about the bad ones. */
export interface Vigil {
  readonly resident: Resident;
  /** The model before is loaded, and takes part from now on. */
  join(predecessor: Resident, references: References | null): void;
  /** It cannot be loaded: then a window without an answer of numbers counts as the model's fault. */
  goWithout(): void;
  remainingMs(): number;
  goldenFailed(why: string): void;
  stop(): void;
}

/** Until the predecessor is there, nobody can say whose fault it is. */
const excuse: Arbiter = async () => true;
const hear = () => {};

export function createVigil({ resident, limits, clock, onEnd }: VigilParts, predecessor: Resident | null): Vigil {
  const before = predecessor?.vitals.figures() ?? null;
  let arbiter = excuse;
  let echo: Echo | null = null;
  const probation = createProbation({
    limits,
    clock,
    figures: () => resident.vitals.figures(),
    before,
    drift: () => echo?.drift() ?? null,
    runGolden: async () => resident.model?.prove(),
    onEnd,
  });
  resident.listeners.add(hear);
  resident.arbiters.add(arbiter);
  resident.onInvalid = probation.look;
  return {
    resident,
    join: (other, references) => {
      resident.arbiters.delete(arbiter);
      arbiter = other.arbiterFor(resident);
      resident.arbiters.add(arbiter);
      if (references !== null) echo = createEcho(resident, other, references, clock);
    },
    goWithout: () => void resident.arbiters.delete(arbiter),
    remainingMs: probation.remainingMs,
    goldenFailed: probation.goldenFailed,
    stop: () => {
      probation.stop();
      echo?.stop();
      resident.listeners.delete(hear);
      resident.onInvalid = hear;
      resident.arbiters.delete(arbiter);
    },
  };
}

/** After a restart the predecessor takes part as soon as it is loaded; null when it cannot be. */
export async function joinLate(vigil: Vigil, open: () => Promise<Resident>, log: Log): Promise<Resident | null> {
  try {
    const predecessor = await open();
    vigil.join(predecessor, null);
    return predecessor;
  } catch (thrown) {
    log.warn({}, `the model before ${vigil.resident.id} cannot be loaded beside it: ${messageOf(thrown)}`);
    vigil.goWithout();
    return null;
  }
}
