import { SidecarError } from '../core/errors.ts';

/** Something that is in flight until it is asked to end. */
export interface Lasting {
  /** The server stops. Must not throw. */
  leave(): void;
}

/** Counts requests in flight and tells when the last one has gone. */
export interface DrainGate {
  readonly inFlight: number;
  readonly isDraining: boolean;
  /** Asked to leave when the drain begins; each of them has entered as well. */
  readonly lasting: Set<Lasting>;
  enter(): void;
  leave(): void;
  /** Resolves when nothing is in flight; from now on isDraining. */
  drain(): Promise<void>;
}

export function createDrainGate(): DrainGate {
  const empty = Promise.withResolvers<void>();
  const lasting = new Set<Lasting>();
  let inFlight = 0;
  let isDraining = false;
  const conclude = () => {
    if (isDraining && inFlight === 0) empty.resolve();
  };
  const begin = () => {
    isDraining = true;
    for (const one of [...lasting]) one.leave();
  };
  return {
    get inFlight() {
      return inFlight;
    },
    get isDraining() {
      return isDraining;
    },
    lasting,
    enter: () => {
      inFlight += 1;
    },
    leave: () => {
      inFlight -= 1;
      conclude();
    },
    drain: () => {
      if (!isDraining) begin();
      conclude();
      return empty.promise;
    },
  };
}

export function shuttingDown(): SidecarError {
  return new SidecarError('SHUTTING_DOWN', 'The daemon is shutting down; send it again to its successor in a moment.');
}
