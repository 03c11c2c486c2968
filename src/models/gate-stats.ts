/** What a gate tells of itself. */
export interface GateStats {
  /** Windows that wait for the backend. */
  readonly waiting: number;
  /** Those of them that came in batches. */
  readonly waitingInBatches: number;
  /** Windows inside the backend. */
  readonly inFlight: number;
  /** Age of the oldest waiting window; null when none waits. */
  readonly oldestMs: number | null;
  /** Expected time of one window in the backend. */
  readonly serviceMs: number;
  readonly served: number;
  /** Turned away at once, by reason. */
  readonly refused: number;
  /** Given up after they had been let in: deadline passed, client gone, stopped. */
  readonly dropped: number;
}
