import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FLAGS, ROOT } from '../../packaging/project.ts';
import { freePort } from '../../test/e2e/launch.ts';

/** A server under measurement. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** The core that it is pinned to, or null. */
  readonly core: number | null;
  /** Milliseconds from spawn to the first `ok:true`. */
  readonly startMs: number;
  /** Longest event-loop delay since the last call, in milliseconds; only of a probed daemon. */
  loopDelay(): Promise<{ readonly maxMs: number; readonly p99Ms: number }>;
  stop(): Promise<void>;
}

/** The daemon from its sources, on a free port, with `overrides` written as its configuration. */
export async function startDaemon(
  name: string,
  directory: string,
  config: string,
  core: number | null,
  isProbed = false,
): Promise<Target> {
  const port = await freePort();
  const file = join(directory, `${name.replace(/\W+/g, '-')}.yaml`);
  writeFileSync(file, `server: {port: ${port}}\nlogging: {level: warn}\n${config}`);
  const main = join(ROOT, 'packaging', 'single-file', 'entry.ts');
  const preload = isProbed ? ['--import', join(ROOT, 'scripts', 'bench', 'loop-probe.ts')] : [];
  return start(name, port, core, [...NODE_FLAGS, ...preload, main, 'serve', '--config', file]);
}

/** A server that is a script of this folder and takes its port as argument. */
export async function startScript(name: string, script: string, core: number | null): Promise<Target> {
  const port = await freePort();
  return start(name, port, core, [join(ROOT, 'scripts', 'bench', script), String(port)]);
}

/** The published model as a bundle directory, when ../shared is there and the program can make one. */
export async function makeReferenceBundle(directory: string): Promise<string | null> {
  const source = join(ROOT, '..', 'shared', 'models', 'tcn-vae-72pct');
  if (!existsSync(source)) return null;
  const out = join(directory, 'tcn-vae');
  const onnx = join(source, 'tcn_encoder_for_edgeinfer.onnx');
  const args = ['model', 'create', '--onnx', onnx, '--config', join(source, 'model_config.json'), '--out', out];
  const child = spawn(process.execPath, [join(ROOT, 'packaging', 'single-file', 'entry.ts'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`model create ended with ${status}`);
  return out;
}

/** The built executable, if there is one: milliseconds from exec to the first `ok:true`. */
export async function timeExecutable(directory: string): Promise<number | null> {
  const file = join(ROOT, 'dist', `hailo-tcn-sidecar-linux-${process.arch}`);
  if (!existsSync(file)) return null;
  const port = await freePort();
  const config = join(directory, 'executable.yaml');
  writeFileSync(config, `server: {port: ${port}}\n`);
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const target = await start('executable', port, null, ['serve', '--config', config], file);
    times.push(target.startMs);
    await target.stop();
  }
  return times.sort((a, b) => a - b)[1] ?? null; // the first one may have to unpack
}

async function start(
  name: string,
  port: number,
  core: number | null,
  args: string[],
  program: string = process.execPath,
): Promise<Target> {
  const node = [program, ...args];
  const command = core === null ? node : ['taskset', '-c', String(core), ...node];
  const startedAt = performance.now();
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => said.push(text));
  }
  await untilHealthy(child, port, () => said.join(''));
  const startMs = performance.now() - startedAt;
  if (child.pid === undefined) throw new Error(`${name} did not start`);
  return { name, port, pid: child.pid, core, startMs, loopDelay: () => askLoop(child, said), stop: () => end(child) };
}

async function untilHealthy(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended:\n${said()}`);
    const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function askLoop(child: ChildProcess, said: string[]): Promise<{ maxMs: number; p99Ms: number }> {
  said.length = 0;
  child.kill('SIGUSR2');
  for (;;) {
    const answer = /LOOP (.*)/.exec(said.join(''))?.[1];
    if (answer !== undefined) return JSON.parse(answer);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}
