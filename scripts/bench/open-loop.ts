import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { countOf, quantile } from './swap-figures.ts';

/** Milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What a load at fixed times saw; latencies count from the time a request was due. */
export interface OpenLoopResult {
  readonly requests: number;
  /** Answered with status 200. */
  readonly ok: number;
  /** Neither that nor refused with 503 or 429. */
  readonly lost: number;
  /** How many of each kind, e.g. "12 QUEUE_FULL, 1 no reply". */
  readonly errors: string;
  readonly accepted: Spread;
  readonly refused: Spread;
  /** How long after it was due a request was sent. */
  readonly late: Spread;
  /** CPU time of the load generator, as a share of a core. */
  readonly cpuShare: number;
}

export interface OpenLoop {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
  /** Posted to /infer. */
  readonly body: string | Uint8Array;
  /** Absent: it is JSON. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Core for the load; absent: the kernel chooses. */
  readonly core?: number;
  readonly directory: string;
}

const isRefusal = (status: number) => status === 503 || status === 429;

/** Throws with the package to install when gcc is missing. */
export function requireGcc(): void {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
  } catch {
    throw new Error('The open-loop load is built with gcc: apt install gcc libc6-dev');
  }
}

/** Requests at fixed times, from a process of its own. */
export async function runOpenLoop(load: OpenLoop): Promise<OpenLoopResult> {
  const { port, perSecond, seconds, connections, body, headers, core, directory } = load;
  const program = buildLoad('open-loop', directory);
  const request = join(directory, 'request');
  const result = join(directory, 'result');
  writeFileSync(request, toWire(body, headers));
  const args = [port, perSecond, seconds, connections].map(String);
  const command = [...(core === undefined ? [] : ['taskset', '-c', String(core)]), program];
  const { stdout } = await promisify(execFile)(command[0] ?? '', [...command.slice(1), ...args, request, result]);
  return toResult(readFileSync(result, 'utf8'), Number(stdout) / seconds);
}

/** The load of that name, built into the directory once; its path. */
export function buildLoad(name: 'open-loop' | 'stream-load', directory: string): string {
  const program = join(directory, name);
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];
  const source = join(import.meta.dirname, `${name}.c`);
  if (!existsSync(program)) execFileSync('gcc', [...flags, source, '-lm', '-o', program]);
  return program;
}

/** A whole request, as bytes. */
export function toWire(body: string | Uint8Array, headers = JSON_HEADERS): Uint8Array {
  const fields = Object.entries({ host: '127.0.0.1', ...headers, 'content-length': String(Buffer.byteLength(body)) });
  const head = `POST /infer HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

const JSON_HEADERS: Readonly<Record<string, string>> = { 'content-type': 'application/json' };

function toResult(lines: string, cpuShare: number): OpenLoopResult {
  const requests = [...lines.matchAll(/^(\S+) (\S+) (\d+) (.*)$/gm)].map(([, late, latency, status, error]) => ({
    late: Number(late),
    latency: Number(latency),
    status: Number(status),
    error: error || `status ${status}`,
  }));
  const ok = requests.filter(({ status }) => status === 200);
  const refused = requests.filter(({ status }) => isRefusal(status));
  return {
    requests: requests.length,
    ok: ok.length,
    lost: requests.length - ok.length - refused.length,
    errors: countOf(requests.filter(({ status }) => status !== 200).map(({ error }) => error)),
    accepted: toSpread(ok.map(({ latency }) => latency)),
    refused: toSpread(refused.map(({ latency }) => latency)),
    late: toSpread(requests.map(({ late }) => late)),
    cpuShare,
  };
}

function toSpread(values: readonly number[]): Spread {
  const [p50 = 0, p95 = 0, p99 = 0, max = 0] = [0.5, 0.95, 0.99, 1].map((q) => quantile(values, q));
  return { p50, p95, p99, max };
}
