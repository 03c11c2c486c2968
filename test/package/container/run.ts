import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as passed } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Ended } from '../../e2e/launch.ts';
import type { Image } from './image.ts';
import { runtimeConfig } from './runtime-config.ts';

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Path inside → path on this machine, read-only. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Character devices inside, open to their group, which the daemon is given. */
  readonly devices?: readonly { readonly path: string; readonly major: number; readonly minor: number }[];
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Container {
  /** The daemon, as this machine numbers it. */
  readonly pid: number;
  /** Resolves when the container has ended; its status is the daemon's. */
  readonly ended: Promise<Ended>;
  /** Runs a command of the image in the container, as the image's user unless another is named. */
  exec(args: readonly string[], user?: string): Outcome;
  /** Runs a command of this machine on the container's network. */
  onNet(...args: string[]): Outcome;
  signal(name: string): void;
  /** What the kernel holds it to; null for what it does not tell. */
  limits(): { readonly bytes: number | null; readonly pids: number | null };
}

let started = 0;

/** Starts the image as an engine does: read-only, without capabilities, on a network of its own that leads nowhere. */
export async function startContainer(t: Test, image: Image, options: StartOptions = {}): Promise<Container> {
  const name = `sidecar-${process.pid}-${++started}`;
  const bundle = mkdtempSync(join(tmpdir(), `${name}-`));
  const config = runtimeConfig(image, name, options);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
  const runtime = ['runc', '--root', join(bundle, 'state')];
  const pidFile = join(bundle, 'pid');
  const ended = ending([...runtime, 'run', '--bundle', bundle, '--pid-file', pidFile, name]);
  t.teardown(async () => {
    call([...runtime, 'delete', '--force', name]);
    await ended;
    rmSync(bundle, { recursive: true, force: true });
  });
  const pid = await firstPid(pidFile, ended);
  const { uid, gid } = config.process.user;
  return {
    pid,
    ended,
    exec: (args, user = `${uid}:${gid}`) => call([...runtime, 'exec', '--user', user, name, ...args]),
    onNet: (...args) => call(['nsenter', '--target', String(pid), '--net', ...args]),
    signal: (signal) => call([...runtime, 'kill', name, signal]),
    limits: () => ({
      bytes: readLimit(pid, 'memory', 'memory.limit_in_bytes', 'memory.max'),
      pids: readLimit(pid, 'pids', 'pids.max', 'pids.max'),
    }),
  };
}

/** From the controller's own hierarchy, or the unified one where there is none. */
function readLimit(pid: number, controller: string, v1: string, v2: string): number | null {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const own = new RegExp(`^\\d+:${controller}:(.*)$`, 'm').exec(groups)?.[1];
  const unified = /^0::(.*)$/m.exec(groups)?.[1];
  const path =
    own === undefined ? join('/sys/fs/cgroup', unified ?? '', v2) : join('/sys/fs/cgroup', controller, own, v1);
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : null;
}

async function ending([file = '', ...args]: readonly string[]): Promise<Ended> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = new Promise<[number | null, string | null]>((resolve) => child.on('close', (...how) => resolve(how)));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status, signal] = await closed;
  return { status, signal, stdout, stderr };
}

/** The runtime writes the file when the container is made. Rejects with what it said when it gives up instead. */
async function firstPid(file: string, ended: Promise<Ended>): Promise<number> {
  let result: Ended | null = null;
  ended.then((how) => {
    result = how;
  });
  for (;;) {
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    if (pid > 0) return pid;
    if (result !== null) throw new Error(`The container ended at once: ${JSON.stringify(result)}`);
    await passed(20);
  }
}

function call([file = '', ...args]: readonly string[]): Outcome {
  const { error, status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 20_000 });
  return { status: error === undefined ? status : null, stdout, stderr }; // one that had to be stopped has no status
}
