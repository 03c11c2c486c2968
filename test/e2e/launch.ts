import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import type { Golden } from '../../src/core/manifest.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
const NOBODY = 65534;

/** A place of its own for an executable: a copy of it, an empty directory to start from, a cache that it may write. */
export interface Place {
  readonly executable: string;
  readonly empty: string;
  readonly cache: string;
  /** Starts the executable there, as an unprivileged user when the test runs as root. */
  start(args: readonly string[], options?: StartOptions): Running;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A program that runs the executable, e.g. an emulator with its options. */
  readonly through?: readonly string[];
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when the process has ended and its output is complete. */
  readonly ended: Promise<Ended>;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function distFile(arch: string): string {
  return join(ROOT, 'dist', `hailo-tcn-sidecar-linux-${arch}`);
}

/** Why a test cannot run here, or false. With CI set nothing is skipped: the test then fails at what is missing. */
export function skipWithout(needs: Readonly<Record<string, string>>): string | false {
  const missing = Object.entries(needs).filter(([path]) => !existsSync(path));
  if (missing.length === 0 || process.env.CI) return false;
  return missing.map(([path, remedy]) => `${path} is missing: ${remedy}`).join('; ');
}

/** Copies an executable of dist/ away from the repository, so that nothing of it can be found by accident. */
export function placeOf(t: Test, arch: string): Place {
  const base = mkdtempSync(join(tmpdir(), 'hailo-tcn-sidecar-'));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  chmodSync(base, 0o755);
  const place = { executable: join(base, 'program'), empty: join(base, 'empty'), cache: join(base, 'cache') };
  copyFileSync(distFile(arch), place.executable);
  chmodSync(place.executable, 0o755);
  for (const directory of [place.empty, place.cache]) mkdirSync(directory);
  if (isRoot()) chownSync(place.cache, NOBODY, NOBODY);
  return { ...place, start: (args, options = {}) => start(t, place, args, options) };
}

function start(t: Test, place: Omit<Place, 'start'>, args: readonly string[], options: StartOptions): Running {
  const [program, ...rest] = [...(options.through ?? []), place.executable, ...args] as [string, ...string[]];
  const child = spawn(program, rest, {
    cwd: place.empty,
    env: { PATH: '/usr/bin:/bin', XDG_CACHE_HOME: place.cache, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isRoot() && { uid: NOBODY, gid: NOBODY }),
  });
  t.teardown(() => child.kill('SIGKILL'));
  return { child, ended: ending(child) };
}

async function ending(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ended> {
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status, signal] = await closed;
  return { status, signal, stdout, stderr };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Writes a configuration for the test and returns its path. */
export function writeConfig(place: Place, yaml: string): string {
  const path = join(place.empty, '..', 'config.yaml');
  writeFileSync(path, yaml);
  return path;
}

/** Asks /healthz until it says ok:true; rejects with all that the program said when it ends before. */
export async function untilHealthy(url: string, running: Pick<Running, 'ended'>): Promise<Record<string, unknown>> {
  let result: Ended | null = null;
  running.ended.then((ended) => {
    result = ended;
  });
  for (;;) {
    const health = await ask(`${url}/healthz`);
    if (health?.ok === true) return health;
    if (result !== null) throw new Error(`It ended before it was healthy: ${JSON.stringify(result)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The JSON at a URL, or null while nobody answers there. */
async function ask(url: string): Promise<Record<string, unknown> | null> {
  try {
    return (await (await fetch(url)).json()) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** The golden windows of the model that ships. */
export function shippedGolden(): Golden {
  return JSON.parse(readFileSync(join(ROOT, 'packaging/models/default/golden.json'), 'utf8')) as Golden;
}

/** Posts a golden window to /infer; returns the answer and how far it is from what the golden file says. */
export async function inferGolden(url: string, window: Golden['windows'][number]) {
  const body = JSON.stringify({ x: window.x });
  const reply = await fetch(`${url}/infer`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const said = await reply.text();
  if (reply.status !== 200) throw new Error(`POST /infer answered ${reply.status}: ${said}`);
  const answer = JSON.parse(said) as { latent: number[]; motif_scores: number[] };
  const scores = window.motif_scores ?? answer.motif_scores;
  return {
    keys: Object.keys(answer),
    cosine: cosine(answer.latent, window.latent),
    farthest: Math.max(farthest(answer.latent, window.latent), farthest(answer.motif_scores, scores)),
  };
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? NaN), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function farthest(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
