import { SidecarError } from '../core/errors.ts';

/** Counts requests in flight and tells when the last one has gone. */
export interface DrainGate {
  readonly inFlight: number;
  readonly isDraining: boolean;
  enter(): void;
  leave(): void;
  /** Resolves when nothing is in flight; from now on isDraining. */
  drain(): Promise<void>;
}

export function createDrainGate(): DrainGate {
  const empty = Promise.withResolvers<void>();
  let inFlight = 0;
  let isDraining = false;
  const conclude = () => {
    if (isDraining && inFlight === 0) empty.resolve();
  };
  return {
    get inFlight() {
      return inFlight;
    },
    get isDraining() {
      return isDraining;
    },
    enter: () => {
      inFlight += 1;
    },
    leave: () => {
      inFlight -= 1;
      conclude();
    },
    drain: () => {
      isDraining = true;
      conclude();
      return empty.promise;
    },
  };
}

export function shuttingDown(): SidecarError {
  return new SidecarError('SHUTTING_DOWN', 'The daemon is shutting down; send it again to its successor in a moment.');
}
