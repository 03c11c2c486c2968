import type { BackendState, DeviceTelemetry } from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import { MESSAGE_IDS } from '../../core/message-ids.ts';
import { inTime } from '../../core/timer.ts';
import { createIdleTimer } from './idle.ts';
import { createLink, type HostReady, type Link, type StartHost } from './link.ts';
import type { OpenRequest, Step } from './messages.ts';
import { createVitals, type VitalsParts } from './vitals.ts';

export interface DeviceParts extends VitalsParts {
  readonly startHost: StartHost;
  readonly request: OpenRequest;
  /** The longest time between two tries; a lost device is tried again sooner at first. */
  readonly probeIntervalMs: number;
  /** Idle for so long, the device is released for other programs; null: never. */
  readonly keepAliveMs: number | null;
  /** Why no host need be started: no chip, no access; null when one may try. Asked before each try. */
  whyNot(): string | null;
  /** Whether there is a chip at all. */
  isPresent(): boolean;
  /** Proves a link before it serves; throws when its golden windows do not come out right. */
  prove(link: Link): Promise<void>;
  /** A step of an opening is done, and what it found. */
  readonly onStep?: (step: Step, text: string) => void;
  /** Delay before the n-th try in a row, in milliseconds; for tests. */
  readonly retryDelayMs?: (attempt: number) => number;
  /** How long open() waits for the first try; for tests. */
  readonly startMs?: number;
}

/** The device with one model on it: opened, proved, lost, opened again. */
export interface ServedDevice {
  state(): BackendState;
  telemetry(): DeviceTelemetry | null;
  link(): Link;
  readonly isTransposed: boolean;
  degraded(): string | null;
  demote(reason: string): void;
  /** Resolves after the first try, however it ended, or when that takes too long; later ones are made by themselves. */
  open(): Promise<void>;
  close(): Promise<void>;
}

/** A device that was lost again this soon after it came back is given more time. */
const STABLE_MS = 60_000;
const HOPELESS_MS = 600_000;
/** A start waits so long for the device, and goes on without. */
const START_MS = 3000;
const AWAKE = 'It serves.';
const ASLEEP = 'The device was released because it was idle (backend.keep_alive_s), and is being opened again.';

export function createDevice(parts: DeviceParts): ServedDevice {
  const { log } = parts;
  const delayMs = parts.retryDelayMs ?? ((attempt) => Math.min(parts.probeIntervalMs, 1000 * 2 ** attempt));
  let serving: { link: Link; ready: HostReady; since: number } | null = null;
  let known: HostReady | null = null;
  let opening: Link | null = null;
  let reason = 'The device has not been opened yet.';
  let attempt = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let isTransposed = false;
  let isAsleep = false;
  let released: Promise<void> = Promise.resolve();
  let restarts = 0;
  let wasLost = false;
  let wasSeen = false;
  const idle = createIdleTimer(parts.keepAliveMs, () => fallAsleep());
  const vitals = createVitals(parts);

  /** One try: a fresh host, a fresh vdevice, golden windows; only then traffic. */
  async function tryOpen(): Promise<void> {
    if (isClosed) return;
    wasSeen ||= parts.isPresent();
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
      if (isClosed) throw new SidecarError('BACKEND_UNAVAILABLE', 'The device was closed while it was opened.');
      serving = { link, ready, since: performance.now() };
      known = ready;
      if (wasLost) restarts += 1;
      wasLost = false;
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

  async function attemptOpen(): Promise<void> {
    try {
      await released; // the chip has one holder at a time, and until then that is us
      await tryOpen();
      if (serving === null) return; // closed meanwhile
      log.info(
        { message_id: MESSAGE_IDS.deviceServes, backend: 'hailo' },
        `the Hailo device serves: ${state().device}`,
      );
      parts.onChange();
    } catch (thrown) {
      down(messageOf(thrown), thrown instanceof SidecarError && thrown.code === 'MODEL_INVALID');
    }
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
    wasLost = true;
    vitals.forget();
    released = link.close();
    down(message);
  }

  /** Out of service; told once per reason, tried again later and later. A .hef that does not fit will hardly fit later. */
  function down(message: string, isHopeless = false): void {
    if (isClosed) return;
    const isNews = message !== reason;
    reason = message;
    const waitMs = isHopeless ? HOPELESS_MS : delayMs(attempt);
    const fields = { message_id: MESSAGE_IDS.deviceLost, retry_in_ms: waitMs };
    if (isNews && wasSeen) log.error(fields, `the Hailo device does not serve: ${message}`);
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
    if (serving === null) return { ...base, available: false, reason, device: 'none', isAbsent: !wasSeen };
    const { identity, library } = serving.ready;
    const device = `${identity.architecture} (firmware ${identity.firmware}, HailoRT ${library})`;
    return { ...base, available: true, reason: null, device, degraded: degraded() };
  }

  function degraded(): string | null {
    return vitals.heat === 'critical' ? 'The Hailo device is overheated: it may throttle or shut down.' : null;
  }

  return {
    state,
    telemetry: () => vitals.telemetry(restarts, known),
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
      if (await inTime(attemptOpen(), startMs)) return;
      log.warn({}, `the Hailo device is still being opened after ${startMs} ms; the start goes on without it`);
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      idle.stop();
      vitals.forget();
      isAsleep = false;
      const links = [serving?.link, opening].filter((link) => link != null);
      serving = null;
      reason = 'The device has been closed.';
      await Promise.all([released, ...links.map((link) => link.close())]);
    },
  };
}
