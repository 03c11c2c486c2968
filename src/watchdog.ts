import type { Backend } from './core/backend.ts';
import type { Proof } from './models/proof.ts';
import type { Notify } from './system/notify.ts';

/**
 * Feeds systemd's watchdog at half its interval, never by a bare timer: only while the backend has proved itself within
 * that half interval by a real or a golden window, or while it is out of service on purpose and still says why.
 * A wedged backend is not fed, and systemd ends the process. Returns a function that stops it.
 */
export function startWatchdog(notify: Notify, backend: Backend, proofOf: () => Proof | null): () => void {
  const intervalMs = notify.watchdogInterval();
  if (intervalMs === null) return () => {};
  const halfMs = intervalMs / 2;
  async function feed(): Promise<void> {
    const proof = proofOf(); // another model may serve by now
    const { available, isIdle = false } = backend.state();
    const isOutOnPurpose = proof === null || !available || isIdle;
    if (isOutOnPurpose || (await proof.isFresh(halfMs, halfMs))) notify.watchdog();
  }
  const timer = setInterval(feed, halfMs);
  timer.unref();
  void feed();
  return () => clearInterval(timer);
}
