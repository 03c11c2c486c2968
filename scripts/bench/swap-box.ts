import { type ChildProcess, type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../packaging/project.ts';
import { freePort } from '../../test/e2e/launch.ts';
import type { Trace } from './swap-figures.ts';

/**
 * The built executable with a store, a configuration and a cache of its own. Everything lies in one directory, which goes
 * when this process ends, however it ends.
 */
export interface Box {
  readonly url: string;
  readonly port: number;
  pid(): number;
  /** Starts the daemon and waits until it serves; rejects with all that it said. */
  start(): Promise<void>;
  /** Ends it, and waits until it has. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** `hailo-tcn-sidecar model …`. */
  model(...argv: string[]): Promise<Said>;
  /** What the daemon has said since its start. */
  log(): string;
}

/** What a command did, and how long it took with the start of its process. */
export interface Said {
  readonly status: number;
  readonly out: string;
  readonly from: number;
  readonly to: number;
}

/** Milliseconds of the clock that all processes share. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

/** @param yaml of the configuration, beside server, backend, store and socket */
export async function makeBox(directory: string, yaml: string): Promise<Box> {
  const program = copyExecutable(directory);
  const port = await freePort();
  const config = join(directory, 'config.yaml');
  const fixed = `server: {port: ${port}}\nbackend: {kind: cpu}\nadmin: {socket: ${join(directory, 'admin.sock')}}\n`;
  writeFileSync(config, `${fixed}model: {store: ${join(directory, 'store')}}\n${yaml}`);
  const env = { PATH: process.env.PATH ?? '', XDG_CACHE_HOME: join(directory, 'cache') };
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  let said: string[] = [];

  process.once('exit', () => {
    child?.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

  async function start(): Promise<void> {
    const started = spawn(program, ['serve', '--config', config], {
      cwd: directory,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    said = [];
    for (const output of [started.stdout, started.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => said.push(text));
    }
    await untilServing(url, started, () => said.join(''));
  }

  async function stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  const model = (...argv: string[]) => run(program, ['model', '--config', config, ...argv], { cwd: directory, env });
  return { url, port, pid: () => child?.pid ?? 0, start, stop, model, log: () => said.join('') };
}

/** Away from dist/, where somebody may build meanwhile. */
function copyExecutable(directory: string): string {
  const built = join(ROOT, 'dist', `hailo-tcn-sidecar-linux-${process.arch}`);
  if (!existsSync(built)) throw new Error(`${built} is missing: npm run build makes it.`);
  const program = join(directory, 'hailo-tcn-sidecar');
  if (!existsSync(program)) copyFileSync(built, program);
  mkdirSync(join(directory, 'cache'), { recursive: true });
  return program;
}

function run(program: string, argv: string[], options: { cwd: string; env: Record<string, string> }): Promise<Said> {
  const from = monotonicMs();
  return new Promise((resolve, reject) => {
    const child = execFile(program, argv, options, (_, stdout, stderr) => {
      const status = child.exitCode;
      if (status === null) reject(new Error(`${argv.join(' ')} was ended by ${child.signalCode}:\n${stderr}`));
      else resolve({ status, out: `${stdout}${stderr}`, from, to: monotonicMs() });
    });
  });
}

async function untilServing(url: string, child: ChildProcess, said: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the daemon ended:\n${said()}`);
    const response = await fetch(`${url}/healthz`).catch(() => null);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The same model under another version. */
export function copyBundle(from: string, to: string, version: string): string {
  cpSync(from, to, { recursive: true });
  const manifest = join(to, 'manifest.yaml');
  const text = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, text.replace(/^version:.*$/m, `version: "${version}"`));
  return to;
}

/** A load that runs in a process of its own. */
export interface Load {
  /** The requests carry the Nth body from now on. */
  send(body: number): void;
  /** Ends it and waits for the last replies. */
  stop(): Promise<Trace>;
}

export function startLoad(directory: string, port: number, perSecond: number, bodies: readonly string[]): Load {
  const traceFile = join(directory, 'trace.json');
  const files = bodies.map((body, i) => {
    const file = join(directory, `body-${i}.json`);
    writeFileSync(file, body);
    return file;
  });
  const script = join(import.meta.dirname, 'swap-load.ts');
  const argv = [script, String(port), String(perSecond), traceFile, ...files];
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, argv, { stdio: 'pipe' });
  child.stderr.pipe(process.stderr);
  const ended = once(child, 'exit');
  return {
    send: (body) => void child.stdin.write(`body ${body}\n`),
    stop: async () => {
      child.stdin.write('stop\n');
      const [status] = await ended;
      if (status !== 0) throw new Error(`the load ended with ${status}`);
      return JSON.parse(readFileSync(traceFile, 'utf8')) as Trace;
    },
  };
}
