import type { BackendState, DeviceTelemetry } from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { type HeatLevel, type HeatLimits, heatLevel } from './heat.ts';
import { createLink, type HostReady, type Link, type StartHost } from './link.ts';
import type { Measurement, OpenRequest } from './messages.ts';

export interface DeviceParts {
  readonly startHost: StartHost;
  readonly request: OpenRequest;
  readonly log: Log;
  /** The longest time between two tries; a lost device is tried again sooner at first. */
  readonly probeIntervalMs: number;
  heatLimits(): HeatLimits;
  /** Time between two measurements; for tests. */
  readonly measureMs?: number;
  /** Why no host need be started: no chip, no access; null when one may try. Asked before each try. */
  whyNot(): string | null;
  /** Proves a link before it serves; throws when its golden windows do not come out right. */
  prove(link: Link): Promise<void>;
  /** state() tells something else than before. */
  onChange(): void;
  /** Delay before the n-th try in a row, in milliseconds; for tests. */
  readonly retryDelayMs?: (attempt: number) => number;
}

/** The device with one model on it: opened, proved, lost, opened again. */
export interface ServedDevice {
  state(): BackendState;
  telemetry(): DeviceTelemetry | null;
  link(): Link;
  readonly isTransposed: boolean;
  demote(reason: string): void;
  /** Resolves after the first try, however it ended; later ones are made by themselves. */
  open(): Promise<void>;
  close(): Promise<void>;
}

/** A device that was lost again this soon after it came back is given more time. */
const STABLE_MS = 60_000;
const MEASURE_MS = 10_000;

export function createDevice(parts: DeviceParts): ServedDevice {
  const { log } = parts;
  const delayMs = parts.retryDelayMs ?? ((attempt) => Math.min(parts.probeIntervalMs, 1000 * 2 ** attempt));
  let serving: { link: Link; ready: HostReady; since: number } | null = null;
  let opening: Link | null = null;
  let reason = 'The device has not been opened yet.';
  let attempt = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let isTransposed = false;
  let restarts = -1;
  let heat: HeatLevel = 'normal';
  let last: { at: number; measurement: Measurement; utilisation: number | null } | null = null;
  let measuring: NodeJS.Timeout | undefined;

  /** One try: a fresh host, a fresh vdevice, golden windows; only then traffic. */
  async function tryOpen(): Promise<void> {
    const why = parts.whyNot();
    if (why !== null) throw new SidecarError('BACKEND_UNAVAILABLE', why);
    const link = createLink({
      ...parts,
      onLost: (fault) => lost(link, fault.message),
      onMeasured: (measurement) => measured(link, measurement),
    });
    opening = link;
    try {
      const ready = await link.ready;
      isTransposed = ready.isTransposed;
      await parts.prove(link);
      if (isClosed) throw new SidecarError('BACKEND_UNAVAILABLE', 'The device was closed while it was opened.');
      serving = { link, ready, since: performance.now() };
      restarts += 1;
      startMeasuring(link);
    } catch (thrown) {
      await link.close();
      throw thrown;
    } finally {
      opening = null;
    }
  }

  function startMeasuring(link: Link): void {
    link.measure();
    clearInterval(measuring);
    measuring = setInterval(() => link.measure(), parts.measureMs ?? MEASURE_MS);
    measuring.unref();
  }

  function measured(link: Link, measurement: Measurement): void {
    if (serving?.link !== link) return;
    const at = performance.now();
    const busyMs = last === null ? Number.NaN : measurement.busyMs - last.measurement.busyMs;
    const share = Math.min(1, busyMs / (at - (last?.at ?? at)));
    last = { at, measurement, utilisation: Number.isFinite(share) ? share : null };
    judgeHeat(Math.max(...measurement.temperaturesCelsius));
  }

  /** No sensor gives no level, and a change is said once. */
  function judgeHeat(celsius: number): void {
    const limits = parts.heatLimits();
    const next = Number.isFinite(celsius) ? heatLevel(celsius, heat, limits) : 'normal';
    if (next === heat) return;
    heat = next;
    const text = `the Hailo device is at ${celsius.toFixed(1)} °C`;
    const { warningCelsius: warning, criticalCelsius: critical } = limits;
    if (next === 'normal') log.info({ celsius }, `${text}: back to normal`);
    else if (next === 'warm') log.warn({ celsius }, `${text} (warning from ${warning} °C): check its cooling`);
    else
      log.error({ celsius }, `${text} (critical from ${critical} °C): it may throttle or shut down; check its cooling`);
    parts.onChange();
  }

  async function attemptOpen(): Promise<void> {
    try {
      await tryOpen();
      log.info({ device: state().device }, `the Hailo device serves: ${state().device}`);
      parts.onChange();
    } catch (thrown) {
      down(messageOf(thrown));
    }
  }

  function lost(link: Link, message: string): void {
    if (serving?.link !== link) return; // it never served: its try reports
    if (performance.now() - serving.since > STABLE_MS) attempt = 0;
    serving = null;
    forget();
    down(message);
    void link.close();
  }

  function forget(): void {
    clearInterval(measuring);
    last = null;
    heat = 'normal';
  }

  /** Out of service; told once per reason, tried again later and later. */
  function down(message: string): void {
    if (isClosed) return;
    const isNews = message !== reason;
    reason = message;
    if (isNews) log.error({ retry_in_ms: delayMs(attempt) }, `the Hailo device does not serve: ${message}`);
    parts.onChange();
    clearTimeout(timer);
    timer = setTimeout(attemptOpen, delayMs(attempt));
    timer.unref();
    attempt += 1;
  }

  function state(): BackendState {
    const base = { kind: 'hailo', degraded: null } as const;
    if (serving === null) return { ...base, available: false, reason, device: 'none' };
    const { identity, library } = serving.ready;
    const device = `${identity.architecture} (firmware ${identity.firmware}, HailoRT ${library})`;
    const degraded = heat === 'critical' ? 'The Hailo device is overheated: it may throttle or shut down.' : null;
    return { ...base, available: true, reason: null, device, degraded };
  }

  function telemetry(): DeviceTelemetry | null {
    if (last === null) return null;
    const { temperaturesCelsius, powerWatts } = last.measurement;
    return { temperaturesCelsius, powerWatts, utilisation: last.utilisation, restarts };
  }

  return {
    state,
    telemetry,
    link: () => {
      if (serving !== null) return serving.link;
      throw new SidecarError('BACKEND_UNAVAILABLE', reason);
    },
    get isTransposed() {
      return isTransposed;
    },
    demote: (message) => {
      if (serving !== null) lost(serving.link, message);
    },
    open: attemptOpen,
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      forget();
      const links = [serving?.link, opening].filter((link) => link != null);
      serving = null;
      reason = 'The device has been closed.';
      await Promise.all(links.map((link) => link.close()));
    },
  };
}
