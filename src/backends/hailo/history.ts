/** What is told of the device since the start, whichever models were on it. */
export interface DeviceHistory {
  /** How often it was opened again after a loss. */
  restarts: number;
  wasLost: boolean;
  /** There was a chip at some time. */
  wasSeen: boolean;
  /** What it reported by itself, e.g. "clock change" → 2. */
  readonly events: Record<string, number>;
}

export function createHistory(): DeviceHistory {
  return { restarts: 0, wasLost: false, wasSeen: false, events: {} };
}
