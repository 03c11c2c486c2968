import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostArch, NODE_FLAGS, ROOT } from '../../packaging/project.ts';
import { freePort } from '../../test/e2e/launch.ts';

/** The daemon under load: a process of its own, with a configuration that the run may change. */
export interface Daemon {
  readonly what: string;
  readonly port: number;
  readonly pid: number;
  /** null when this version has none. */
  readonly unixSocket: string | null;
  /** Lines that were logged as errors, or written to stderr. */
  readonly errors: readonly string[];
  /** How it ended before stop(); null while it lives. */
  death(): string | null;
  /** Writes another queue size into the configuration and sends SIGHUP. */
  reload(): void;
  stop(): Promise<void>;
}

export interface DaemonOptions {
  readonly backend: 'cpu' | 'stub';
  /** Of the sources even where the executable is built. */
  readonly fromSources: boolean;
  /** A module that the daemon loads first, from the sources. */
  readonly preload: string | null;
}

const ERROR_LEVEL = 50;
const MOST_LINES = 20;

export async function startDaemon(directory: string, options: DaemonOptions): Promise<Daemon> {
  const [program, ...args] = commandOf(options);
  const port = await freePort();
  const file = join(directory, 'soak.yaml');
  const socket = join(directory, 'soak.sock');
  const write = (queueSize: number, unixSocket: string | null) => {
    writeFileSync(`${file}.new`, toConfig(directory, port, options.backend, queueSize, unixSocket));
    renameSync(`${file}.new`, file);
  };
  write(256, socket);
  const isKnown = spawnSync(program!, [...args, 'config', 'check', file]).status === 0;
  if (!isKnown) write(256, null);
  const child = spawn(program!, [...args, 'serve', '--config', file, '--format', 'json'], {
    cwd: directory,
    env: { PATH: process.env.PATH ?? '', XDG_CACHE_HOME: join(directory, 'cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const errors = collectErrors(child);
  let isStopping = false;
  let death: string | null = null;
  child.once('exit', (status, signal) => {
    if (!isStopping) death = `status ${status}, signal ${signal}`;
  });
  await untilHealthy(port, () => death, errors);
  let queueSize = 256;
  return {
    what: program === process.execPath ? 'the sources' : 'the built executable',
    port,
    pid: child.pid!,
    unixSocket: existsSync(socket) ? socket : null,
    errors,
    death: () => death,
    reload: () => {
      queueSize = queueSize === 256 ? 300 : 256;
      write(queueSize, isKnown ? socket : null);
      child.kill('SIGHUP');
    },
    stop: async () => {
      isStopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

function commandOf({ fromSources, preload }: DaemonOptions): string[] {
  const executable = join(ROOT, 'dist', `hailo-tcn-sidecar-linux-${hostArch()}`);
  if (!fromSources && preload === null && existsSync(executable)) return [executable];
  const first = preload === null ? [] : ['--import', preload];
  return [process.execPath, ...NODE_FLAGS, ...first, join(ROOT, 'packaging', 'single-file', 'entry.ts')];
}

/** All limits are within reach of the clients, so that they are met. */
function toConfig(
  directory: string,
  port: number,
  backend: string,
  queueSize: number,
  unixSocket: string | null,
): string {
  return [
    `server: {port: ${port}, max_connections: 256, unix_socket: ${unixSocket}}`,
    `backend: {kind: ${backend}}`,
    `model: {store: ${join(directory, 'models')}}`,
    `admin: {socket: ${join(directory, 'admin.sock')}}`,
    `inference: {max_queue_size: ${queueSize}}`,
    'rate_limit: {windows_per_s: 100, burst: 200}',
    '',
  ].join('\n');
}

function collectErrors(child: ChildProcess): string[] {
  const errors: string[] = [];
  const keep = (line: string) => errors.push(errors.length < MOST_LINES ? line.slice(0, 500) : '');
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (levelOf(line) >= ERROR_LEVEL) keep(line);
  });
  child.stderr!.setEncoding('utf8').on('data', keep);
  return errors;
}

/** What is no line of the log is something that should not be there. */
function levelOf(line: string): number {
  return Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? (line === '' ? 0 : ERROR_LEVEL));
}

async function untilHealthy(port: number, death: () => string | null, errors: readonly string[]): Promise<void> {
  for (;;) {
    const reply = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } }).catch(
      () => null,
    );
    await reply?.body?.cancel();
    if (reply?.status === 200) return;
    if (death() !== null) throw new Error(`The daemon did not start: ${death()}\n${errors.join('\n')}`);
    await sleep(50);
  }
}
