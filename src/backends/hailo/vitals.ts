import type { DeviceTelemetry } from '../../core/backend.ts';
import type { Log } from '../../core/log.ts';
import { MESSAGE_IDS } from '../../core/message-ids.ts';
import { type HeatLevel, type HeatLimits, heatLevel } from './heat.ts';
import type { DeviceHistory } from './history.ts';
import type { HostReady, Link } from './link.ts';
import type { Measurement } from './messages.ts';
import { createSpeedWatch } from './speed.ts';
import type { DeviceEvent } from './vdevice.ts';

export interface VitalsParts {
  /** As a person names the device, e.g. hailo0. */
  readonly id: string;
  readonly log: Log;
  readonly history: DeviceHistory;
  heatLimits(): HeatLimits;
  /** What a window takes on a chip that is well, in milliseconds; null: not known. */
  readonly expectedDeviceMs: number | null;
  /** Time between two measurements; for tests. */
  readonly measureMs?: number;
  /** The heat level is another than before. */
  onChange(): void;
}

/** Asks a serving device how it is, and says when it gets too hot. */
export interface Vitals {
  /** From now on this link is asked. */
  watch(link: Link): void;
  heard(measurement: Measurement): void;
  /** The chip reported it by itself. */
  event(event: DeviceEvent): void;
  /** The device is gone: what it said holds no more. */
  forget(): void;
  readonly heat: HeatLevel;
  /** null until the device has said something. */
  telemetry(ready: HostReady | null): DeviceTelemetry | null;
}

const MEASURE_MS = 10_000;

export function createVitals(parts: VitalsParts): Vitals {
  const { id, log, history, heatLimits, measureMs = MEASURE_MS, onChange } = parts;
  const judgeSpeed = createSpeedWatch(parts.expectedDeviceMs, log);
  let heat: HeatLevel = 'normal';
  let last: { at: number; measurement: Measurement; utilisation: number | null; windowMs: number | null } | null = null;
  let timer: NodeJS.Timeout | undefined;

  function heard(measurement: Measurement): void {
    const at = performance.now();
    const share = last === null ? null : (measurement.busyMs - last.measurement.busyMs) / (at - last.at);
    const windowMs = last === null ? null : perWindowMs(last.measurement, measurement);
    last = { at, measurement, utilisation: share === null ? null : Math.min(1, share), windowMs };
    judgeHeat(Math.max(...measurement.temperaturesCelsius));
    judgeSpeed(windowMs);
  }

  /** What no sensor tells changes no level, and a change is said once. */
  function judgeHeat(celsius: number): void {
    const limits = heatLimits();
    const next = Number.isFinite(celsius) ? heatLevel(celsius, heat, limits) : heat;
    if (next === heat) return;
    heat = next;
    tell(celsius, limits);
    onChange();
  }

  function tell(celsius: number, { warningCelsius: warning, criticalCelsius: critical }: HeatLimits): void {
    const text = `the Hailo device is at ${celsius.toFixed(1)} °C`;
    const message_id = MESSAGE_IDS.overheated;
    const cure = 'it may throttle or shut down; check its cooling';
    if (heat === 'normal') log.info({ message_id, celsius }, `${text}: back to normal`);
    else if (heat === 'warm')
      log.warn({ message_id, celsius }, `${text} (warning from ${warning} °C): check its cooling`);
    else log.error({ message_id, celsius }, `${text} (critical from ${critical} °C): ${cure}`);
  }

  return {
    get heat() {
      return heat;
    },
    heard,
    event: (event) => {
      history.events[event] = (history.events[event] ?? 0) + 1;
      log.warn({ message_id: MESSAGE_IDS.deviceEvent, event }, `the Hailo device reports: ${event}`);
    },
    watch: (link) => {
      clearInterval(timer);
      link.measure();
      timer = setInterval(() => link.measure(), measureMs);
      timer.unref();
    },
    forget: () => {
      clearInterval(timer);
      last = null;
      heat = 'normal';
    },
    telemetry: (ready) => {
      if (ready === null) return null;
      const { temperaturesCelsius = [], powerWatts = null, clockHz = null } = last?.measurement ?? {};
      const { utilisation = null, windowMs = null } = last ?? {};
      const identity = { ...ready.identity, library: ready.library };
      const { restarts, events } = history;
      return { id, identity, temperaturesCelsius, powerWatts, clockHz, utilisation, windowMs, restarts, events };
    },
  };
}

/** Fewer say little. */
const MIN_WINDOWS = 4;

/** Also right under load, when windows wait for each other: what waits is not inside the device. */
function perWindowMs(before: Measurement, now: Measurement): number | null {
  const windows = now.windows - before.windows;
  return windows < MIN_WINDOWS ? null : (now.busyMs - before.busyMs) / windows;
}
