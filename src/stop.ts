import { inTime } from './core/timer.ts';
import type { HttpServer } from './http/server.ts';
import type { DaemonLog } from './observe/log.ts';
import type { Rollout } from './rollout.ts';
import type { State } from './state.ts';
import type { Notify } from './system/notify.ts';
import type { Undo } from './undo.ts';

interface StopParts {
  readonly state: State;
  readonly log: DaemonLog;
  readonly notify: Notify;
  readonly server: HttpServer;
  readonly undo: Undo;
  readonly rollout: Rollout;
}

export interface Stop {
  /** Ends the delay, also one that has not begun. */
  hurry(): void;
  run(): Promise<void>;
}

const LAST_CALL_MS = 100;

/** What the steps after the drain may take, beyond the time that is configured. */
const UNDO_MS = 10_000;

/**
 * The end of the daemon: STOPPING first; then, for drain_delay_ms, everybody is served while /health/ready says 503, so that
 * balancers leave before anybody is refused; then nobody new is let in, and whoever is in gets his answer within
 * drain_timeout_ms.
 */
export function createStop({ state, log, notify, server, undo, rollout }: StopParts): Stop {
  const hurried = Promise.withResolvers<void>();

  async function serveOn(delayMs: number, timeoutMs: number): Promise<void> {
    notify.extendTimeout(delayMs + timeoutMs + UNDO_MS);
    server.closeWithReplies();
    log.info({}, `serving on for ${delayMs} ms, until the balancers have noticed; a second signal ends that`);
    if (await inTime(hurried.promise, delayMs)) log.info({}, 'no longer waiting for the balancers');
    notify.sendStatus(inFlight(server));
  }

  return {
    hurry: () => hurried.resolve(),
    run: async () => {
      state.isStopping = true;
      notify.stopping(inFlight(server));
      const { drain_delay_ms: delayMs, drain_timeout_ms: timeoutMs } = state.loaded.config.server;
      const pausing = rollout.pause(); // not after the drain: systemd does not wait for ever
      if (delayMs > 0) await serveOn(delayMs, timeoutMs);
      const left = await inTime(server.drain(), timeoutMs);
      await new Promise((resolve) => setTimeout(resolve, LAST_CALL_MS)); // what was sent meanwhile gets its refusal, not a reset
      if (!left) log.warn({ in_flight: server.inFlight }, `requests were still in flight after ${timeoutMs} ms`);
      await pausing;
      await undo.run();
    },
  };
}

function inFlight(server: HttpServer): string {
  return `Stopping: ${server.inFlight} requests in flight`;
}
