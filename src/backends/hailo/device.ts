import type { BackendState } from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import { MESSAGE_IDS } from '../../core/message-ids.ts';
import { inTime } from '../../core/timer.ts';
import { createIdleTimer } from './idle.ts';
import { createLink, type HostReady, type Link } from './link.ts';
import type { DeviceParts, ServedDevice } from './served-device.ts';
import { createVitals } from './vitals.ts';

/** A device that was lost again this soon after it came back is given more time. */
const STABLE_MS = 60_000;
const HOPELESS_MS = 600_000;
/** A start waits so long for the device, and goes on without. */
const START_MS = 3000;
const AWAKE = 'It serves.';
const ASLEEP = 'The device was released because it was idle (backend.keep_alive_s), and is being opened again.';

/** See served-device.ts. */
export function createDevice(parts: DeviceParts): ServedDevice {
  const { log, history } = parts;
  const delayMs = parts.retryDelayMs ?? ((attempt) => Math.min(parts.probeIntervalMs, 1000 * 2 ** attempt));
  let serving: { link: Link; ready: HostReady; since: number } | null = null;
  let known: HostReady | null = null;
  let opening: Link | null = null;
  let reason = 'The device has not been opened yet.';
  let attempt = 0;
  let timer: NodeJS.Timeout | undefined;
  let closing: Promise<void> | null = null;
  let isTransposed = false;
  let isAsleep = false;
  let released: Promise<void> = Promise.resolve();
  const idle = createIdleTimer(parts.keepAliveMs, () => fallAsleep());
  const vitals = createVitals(parts);

  /** One try: a fresh host, a fresh vdevice, golden windows; only then traffic. */
  async function tryOpen(): Promise<void> {
    if (closing !== null) return;
    history.wasSeen ||= parts.isPresent();
    const why = parts.whyNot();
    if (why !== null) throw new SidecarError('BACKEND_UNAVAILABLE', why);
    const link = createLink({
      ...parts,
      onLost: (fault) => lost(link, fault.message),
      onMeasured: (measurement) => serving?.link === link && vitals.heard(measurement),
      onEvent: (event) => vitals.event(event),
    });
    opening = link;
    try {
      const ready = await link.ready;
      isTransposed = ready.isTransposed;
      await parts.prove(link);
      if (closing !== null) throw new SidecarError('BACKEND_UNAVAILABLE', 'The device was closed while it was opened.');
      serving = { link, ready, since: performance.now() };
      known = ready;
      if (history.wasLost) history.restarts += 1;
      history.wasLost = false;
      reason = AWAKE;
      vitals.watch(link);
      idle.touch();
    } catch (thrown) {
      await link.close();
      throw thrown;
    } finally {
      opening = null;
    }
  }

  /** Why the device does not serve after one try, or null. */
  async function trial(): Promise<unknown> {
    try {
      await released; // the chip has one holder at a time, and until then that is us
      await tryOpen();
      if (serving === null) return null; // closed meanwhile
      log.info(
        { message_id: MESSAGE_IDS.deviceServes, backend: 'hailo' },
        `the Hailo device serves: ${state().device}`,
      );
      parts.onChange();
      return null;
    } catch (thrown) {
      return thrown;
    }
  }

  async function attemptOpen(): Promise<unknown> {
    const fault = await trial();
    if (fault !== null) down(messageOf(fault), fault instanceof SidecarError && fault.code === 'MODEL_INVALID');
    return fault;
  }

  function fallAsleep(): void {
    if (serving === null) return;
    const { link } = serving;
    if (link.inFlight > 0) return idle.touch();
    serving = null;
    isAsleep = true;
    reason = ASLEEP;
    vitals.forget();
    log.info({}, 'the Hailo device is idle and was released; the next window opens it again');
    released = link.close();
    parts.onChange();
  }

  /** The one who wakes it gets no answer from it: opening takes longer than a window may. */
  function wake(): void {
    isAsleep = false;
    log.info({}, 'the Hailo device is opened again');
    void attemptOpen();
  }

  function lost(link: Link, message: string): void {
    if (serving?.link !== link) return; // it never served: its try reports
    if (performance.now() - serving.since > STABLE_MS) attempt = 0;
    serving = null;
    history.wasLost = true;
    vitals.forget();
    released = link.close();
    down(message);
  }

  /** Out of service; told once per reason, tried again later and later. A .hef that does not fit will hardly fit later. */
  function down(message: string, isHopeless = false): void {
    if (closing !== null) return;
    const isNews = message !== reason;
    reason = message;
    const waitMs = isHopeless ? HOPELESS_MS : delayMs(attempt);
    const fields = { message_id: MESSAGE_IDS.deviceLost, retry_in_ms: waitMs };
    if (isNews && history.wasSeen) log.error(fields, `the Hailo device does not serve: ${message}`);
    else if (isNews) log.debug({ retry_in_ms: waitMs }, message);
    parts.onChange();
    clearTimeout(timer);
    timer = setTimeout(attemptOpen, waitMs);
    timer.unref();
    attempt += 1;
  }

  function state(): BackendState {
    const base = { kind: 'hailo', degraded: null } as const;
    if (isAsleep)
      return { ...base, available: true, reason: null, device: 'Hailo device, released while idle', isIdle: true };
    if (serving === null) return { ...base, available: false, reason, device: 'none', isAbsent: !history.wasSeen };
    const { identity, library } = serving.ready;
    const device = `${identity.architecture} (firmware ${identity.firmware}, HailoRT ${library})`;
    return { ...base, available: true, reason: null, device, degraded: degraded() };
  }

  function degraded(): string | null {
    return vitals.heat === 'critical' ? 'The Hailo device is overheated: it may throttle or shut down.' : null;
  }

  async function release(): Promise<void> {
    clearTimeout(timer);
    idle.stop();
    vitals.forget();
    isAsleep = false;
    const links = [serving?.link, opening].filter((link) => link != null);
    serving = null;
    reason = 'The device has been closed.';
    await Promise.all([released, ...links.map((link) => link.close())]);
  }

  return {
    state,
    telemetry: () => vitals.telemetry(known),
    link: () => {
      if (isAsleep) wake();
      idle.touch();
      if (serving !== null) return serving.link;
      throw new SidecarError('BACKEND_UNAVAILABLE', reason);
    },
    get isTransposed() {
      return isTransposed;
    },
    degraded,
    demote: (message) => {
      if (serving !== null) lost(serving.link, message);
    },
    open: async () => {
      const startMs = parts.startMs ?? START_MS;
      const tried = attemptOpen();
      if (await inTime(tried, startMs)) return tried;
      log.warn({}, `the Hailo device is still being opened after ${startMs} ms; the start goes on without it`);
      return null;
    },
    openOnce: async (withinMs) => {
      const tried = trial();
      if (await inTime(tried, withinMs)) return tried;
      return new SidecarError('BACKEND_UNAVAILABLE', `The device was not opened within ${withinMs} ms.`);
    },
    close: () => {
      closing ??= release();
      return closing;
    },
  };
}
