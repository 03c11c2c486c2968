import type { Log } from '../../core/log.ts';

/** The library and our host on either side of a window, generously. */
const OWN_MS = 0.15;
/** Measurements scatter less; a chip whose clock is stuck takes 1.5 times as long and more. */
const SLOW_FACTOR = 1.4;

/** Why a device runs slow, given what its bundle expects of it; null when it does not, or nothing is known. */
export function whySlow(windowMs: number | null, expectedMs: number | null): string | null {
  if (windowMs === null || expectedMs === null || windowMs <= expectedMs * SLOW_FACTOR + OWN_MS) return null;
  const factor = (windowMs / expectedMs).toFixed(1);
  return `the Hailo device takes ${windowMs.toFixed(2)} ms per window, ${factor} times the ${expectedMs} ms that the bundle expects: its clock may be stuck at 400 MHz or throttled (see its temperature and hailo_device_clock_hertz; a power-cycle frees a stuck clock)`;
}

/** Says once when the device has become slow, and once when it is fast again; null is no news. */
export function createSpeedWatch(expectedMs: number | null, log: Log): (windowMs: number | null) => void {
  let isSlow = false;
  return (windowMs) => {
    if (windowMs === null) return;
    const why = whySlow(windowMs, expectedMs);
    const fields = { window_ms: windowMs, expected_ms: expectedMs };
    if (why !== null && !isSlow) log.warn(fields, why);
    if (why === null && isSlow) log.info(fields, 'the Hailo device is as fast as expected again');
    isSlow = why !== null;
  };
}
