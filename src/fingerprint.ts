import type { Log } from './core/log.ts';
import type { GoldenFigures } from './models/golden.ts';
import type { State } from './state.ts';

/** Ticket, channel and library on our side, generously. */
const OWN_MS = 0.5;
/** A chip whose clock is stuck at half its rate takes twice as long; measurements scatter less than that. */
const SLOW_FACTOR = 1.8;

/** Why a device seems to run slow, given what its bundle expects of it; null when it does not. */
export function whySlow(figures: GoldenFigures, expectedMs: number | undefined): string | null {
  if (figures.backend !== 'hailo' || expectedMs === undefined) return null;
  if (figures.medianMs <= expectedMs * SLOW_FACTOR + OWN_MS) return null;
  const factor = (figures.medianMs / expectedMs).toFixed(1);
  return `the Hailo device takes ${figures.medianMs.toFixed(2)} ms per window, ${factor} times the ${expectedMs} ms that the bundle expects: its clock may be stuck at 400 MHz or throttled (see its temperature; a power-cycle frees a stuck clock)`;
}

/** Keeps the figures of the latest golden run for the metrics, and says once when the device has become slow, or fast again. */
export function createGoldenWatch(state: State, log: Log): (figures: GoldenFigures) => void {
  let isSlow = false;
  return (figures) => {
    state.golden = figures;
    if (figures.backend !== 'hailo') return; // says nothing of the device
    const hef = state.manifest.artefacts.find(({ kind }) => kind === 'hef');
    const why = whySlow(figures, hef?.expected_device_ms);
    if (why !== null && !isSlow) log.warn({ median_ms: figures.medianMs }, why);
    if (why === null && isSlow)
      log.info({ median_ms: figures.medianMs }, 'the Hailo device is as fast as expected again');
    isSlow = why !== null;
  };
}
