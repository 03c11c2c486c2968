import { messageOf, SidecarError } from '../core/errors.ts';

/**
 * The service manager's protocol, with the vocabulary of the sd-notify package (which needs libsystemd's headers and
 * a compiler at install, so it can be neither installed on a plain machine nor cross-built). Spoken through
 * libsystemd itself. Without NOTIFY_SOCKET every call does nothing.
 */
export interface Notify {
  ready(status: string): void;
  stopping(status: string): void;
  reloading(status: string): void;
  sendStatus(status: string): void;
  /** Asks for that much time from now, should the unit's own limit for what goes on (TimeoutStopSec=) be shorter. */
  extendTimeout(ms: number): void;
  watchdog(): void;
  /** Milliseconds within which watchdog() must be called, or null when nobody watches this process. */
  watchdogInterval(): number | null;
}

/** Sends one sd_notify message; returns libsystemd's result (> 0 sent, < 0 negative errno). */
export type SendState = (state: string) => number;

/** The notifier for this process. `open` loads libsystemd and is called only when NOTIFY_SOCKET is set. */
export async function createNotify(
  env: NodeJS.ProcessEnv,
  pid: number,
  open: () => Promise<SendState> = openLibsystemd,
): Promise<Notify> {
  const send: SendState = env.NOTIFY_SOCKET ? await open() : () => 0;
  return {
    ready: (status) => void send(`READY=1\nSTATUS=${oneLine(status)}`),
    stopping: (status) => void send(`STOPPING=1\nSTATUS=${oneLine(status)}`),
    reloading: (status) => void send(`RELOADING=1\nMONOTONIC_USEC=${monotonicUsec()}\nSTATUS=${oneLine(status)}`),
    sendStatus: (status) => void send(`STATUS=${oneLine(status)}`),
    extendTimeout: (ms) => void send(`EXTEND_TIMEOUT_USEC=${Math.ceil(ms) * 1000}`),
    watchdog: () => void send('WATCHDOG=1'),
    watchdogInterval: () => watchdogIntervalMs(env, pid),
  };
}

/** Loads libsystemd; throws NATIVE_MISSING when it cannot be used. `importKoffi` is a parameter for the test of that. */
export async function openLibsystemd(importKoffi = () => import('koffi')): Promise<SendState> {
  try {
    const { default: koffi } = await importKoffi();
    const library = koffi.load('libsystemd.so.0');
    const notify = library.func('int sd_notify(int unset_environment, const char *state)');
    return (state) => notify(0, state);
  } catch (cause) {
    throw new SidecarError(
      'NATIVE_MISSING',
      `NOTIFY_SOCKET is set but libsystemd cannot be used (${messageOf(cause)}): install the package libsystemd0, or start without NOTIFY_SOCKET.`,
      { cause },
    );
  }
}

function watchdogIntervalMs(env: NodeJS.ProcessEnv, pid: number): number | null {
  const usec = Number(env.WATCHDOG_USEC);
  const isOurs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === pid;
  return isOurs && Number.isFinite(usec) && usec > 0 ? usec / 1000 : null;
}

/** The clock systemd compares with when it waits for the end of a reload. */
function monotonicUsec(): bigint {
  return process.hrtime.bigint() / 1000n;
}

/** A newline would end the field and start another. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
