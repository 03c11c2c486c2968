import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Test } from 'tap';
import { createExpectedVersion } from '../../src/config/expected-version.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { reloadConfig } from '../../src/config/reload.ts';
import { type Daemon, start } from '../../src/daemon.ts';
import type { DaemonLog } from '../../src/observe/log.ts';
import type { Notify } from '../../src/system/notify.ts';
import { readRelease } from '../../src/system/release.ts';

/** The real daemon in this process, on a free port, with what it says collected. */
export interface TestDaemon {
  readonly url: string;
  readonly daemon: Daemon;
  /** Log lines as `level message`. */
  readonly said: string[];
  /** Fields and message of each line. */
  readonly written: string[];
  /** What systemd would have been told. */
  readonly notified: string[];
  readonly configFile: string;
  stop(): Promise<void>;
}

export interface TestDaemonOptions {
  /** YAML beside `server: {port: 0}`. */
  readonly yaml?: string;
  readonly env?: Record<string, string>;
  readonly watchdogMs?: number;
  /** Where /sys and /dev are; a directory of the test's own with a chip in it. */
  readonly root?: string;
}

/** Starts a daemon with the model that ships; it is stopped when the test ends. */
export async function startTestDaemon(t: Pick<Test, 'teardown'>, options: TestDaemonOptions = {}): Promise<TestDaemon> {
  const directory = mkdtempSync(join(tmpdir(), 'sidecar-'));
  const configFile = join(directory, 'sidecar.yaml');
  writeFileSync(configFile, patient(options.yaml ?? 'server: {port: 0}\nbackend: {kind: cpu}\n', directory));
  const source = { path: configFile, env: options.env ?? {} };
  const loaded = loadConfig(source);
  const said: string[] = [];
  const written: string[] = [];
  const notified: string[] = [];
  const daemon = await start({
    loaded,
    log: collect(said, written),
    notify: listen(notified, options.watchdogMs ?? null),
    release: readRelease(),
    clock: () => performance.now(),
    root: options.root ?? '/nowhere', // the tests' machine may have a chip of its own
    readAgain: (current: LoadedConfig) => reloadConfig(current, source),
    expectedVersion: createExpectedVersion({ yamlPath: () => loaded.yamlPath, env: source.env }),
  });
  let stopped: Promise<void> | null = null;
  const stop = () => {
    stopped ??= daemon.stop();
    return stopped;
  };
  t.teardown(async () => {
    await stop();
    rmSync(directory, { recursive: true });
  });
  return { url: daemon.state.url, daemon, said, written, notified, configFile, stop };
}

/**
 * On a busy machine 40 ms pass by themselves: only tests that name a deadline have a short one. A store and a socket of
 * this machine are nobody's business here.
 */
function patient(yaml: string, directory: string): string {
  const defaults = {
    inference: '{deadline_ms: 5000}',
    model: `{store: ${join(directory, 'models')}}`,
    admin: `{socket: ${join(directory, 'admin.sock')}}`,
  };
  const missing = Object.entries(defaults).filter(([group]) => !yaml.includes(`${group}:`));
  return yaml + missing.map(([group, keys]) => `${group}: ${keys}\n`).join('');
}

/** 100 rows of a sensor lying still. */
export function restWindow(): number[][] {
  return Array.from({ length: 100 }, () => [0.01, -0.02, 9.81, 0, 0.001, 0, 22, 0.5, -43]);
}

function collect(said: string[], written: string[]): DaemonLog {
  const sayer = (level: string) => (fields: object, message: string) => {
    said.push(`${level} ${message}`);
    written.push(inspect({ ...fields, message }, { depth: 8 }));
  };
  return {
    debug: sayer('debug'),
    info: sayer('info'),
    warn: sayer('warn'),
    error: sayer('error'),
    setLevel: (level) => void said.push(`level ${level}`),
    close: async () => {},
  };
}

function listen(notified: string[], watchdogMs: number | null): Notify {
  return {
    ready: (status) => void notified.push(`READY ${status}`),
    stopping: (status) => void notified.push(`STOPPING ${status}`),
    reloading: (status) => void notified.push(`RELOADING ${status}`),
    sendStatus: (status) => void notified.push(`STATUS ${status}`),
    extendTimeout: (ms) => void notified.push(`EXTEND ${ms}`),
    watchdog: () => void notified.push('WATCHDOG'),
    watchdogInterval: () => watchdogMs,
  };
}

/** The lines for a shell that a page of /docs shows. */
export function docsLines(page: string): string[] {
  return [...page.matchAll(/<pre>(curl [^<]*)<\/pre>/g)].map(([, line]) =>
    line!.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );
}
