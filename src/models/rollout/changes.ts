import { SidecarError } from '../../core/errors.ts';
import { createTurns } from '../../core/turns.ts';

/** One change at a time. */
export interface Changes {
  /** For commands: rejects with CONFLICT while another change is under way. */
  now<T>(what: string, run: () => Promise<T>): Promise<T>;
  /** For what must happen: waits for its turn. */
  next<T>(what: string, run: () => Promise<T>): Promise<T>;
}

export function createChanges(): Changes {
  const inTurn = createTurns();
  const underWay: string[] = [];

  function next<T>(what: string, run: () => Promise<T>): Promise<T> {
    underWay.push(what);
    return inTurn(run).finally(() => underWay.shift());
  }

  return {
    next,
    now: async (what, run) => {
      const [other] = underWay;
      if (other === undefined) return next(what, run);
      throw new SidecarError(
        'CONFLICT',
        `Another change is under way (${other}): wait until it is over, then ${what} again.`,
      );
    },
  };
}
