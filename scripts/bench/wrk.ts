import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What one run of wrk saw, and what the server paid for it. */
export interface LoadResult {
  readonly connections: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Socket errors plus replies that were not 2xx. */
  readonly errors: number;
  readonly serverCpuUs: number;
  readonly serverRssMb: number;
}

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** null sends GET. */
  readonly body: string | null;
  readonly serverPid: number;
  /** Core for the load generator, or null to let the kernel choose. */
  readonly core: number | null;
  readonly directory: string;
}

const REPORT = `
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end`;

/** Throws with the package to install when wrk is missing. */
export function requireWrk(): void {
  try {
    execFileSync('sh', ['-c', 'command -v wrk taskset']);
  } catch {
    throw new Error('The benchmark needs wrk and taskset: apt install wrk util-linux');
  }
}

export async function runWrk(load: Load): Promise<LoadResult> {
  const script = join(load.directory, 'load.lua');
  writeFileSync(script, luaFor(load.body));
  const wrk = ['wrk', '-t1', `-c${load.connections}`, `-d${load.seconds}s`, '-s', script, load.url];
  const command = load.core === null ? wrk : ['taskset', '-c', String(load.core), ...wrk];
  const before = cpuMicroseconds(load.serverPid);
  const { stdout } = await promisify(execFile)(command[0] ?? '', command.slice(1));
  const spent = cpuMicroseconds(load.serverPid) - before;
  return toResult(stdout, load, spent);
}

function luaFor(body: string | null): string {
  if (body === null) return REPORT;
  return `wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [==[${body}]==]\n${REPORT}`;
}

function toResult(stdout: string, load: Load, spentUs: number): LoadResult {
  const match = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(stdout);
  if (match === null) throw new Error(`wrk printed no result:\n${stdout}`);
  const [requests = 0, durationUs = 1, errors = 0, p50 = 0, p95 = 0, p99 = 0] = match.slice(1).map(Number);
  return {
    connections: load.connections,
    perSecond: requests / (durationUs / 1e6),
    p50Ms: p50 / 1000,
    p95Ms: p95 / 1000,
    p99Ms: p99 / 1000,
    errors,
    serverCpuUs: spentUs / Math.max(requests, 1),
    serverRssMb: rssMb(load.serverPid),
  };
}

/** User plus system time of all threads of a process, from /proc. */
export function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticks = Number(fields[11]) + Number(fields[12]);
  return ticks * 10_000; // USER_HZ is 100 on every Linux
}

export function rssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
}
