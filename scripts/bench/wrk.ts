import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchRequest } from './requests.ts';

/** What one run of wrk saw, and what the server paid for it. */
export interface LoadResult {
  readonly connections: number;
  /** Windows with an answer. */
  readonly windowsPerSecond: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Socket errors plus replies that were not 2xx. */
  readonly notOk: number;
  /** Windows without an answer in replies of status 200. */
  readonly failedWindows: number;
  /** CPU time of the server, also what it spent on refusals, by window with an answer. */
  readonly cpuUsPerWindow: number;
  readonly rssMb: number;
}

export interface Load {
  readonly port: number;
  readonly request: BenchRequest;
  readonly connections: number;
  readonly seconds: number;
  readonly serverPid: number;
  /** Core for the load generator, or null to let the kernel choose. */
  readonly core: number | null;
  readonly directory: string;
}

const REPORT = `
function setup(thread) only = thread end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d\\n", summary.requests, summary.duration, e.status,
    e.connect + e.read + e.write + e.timeout, only:get("failed") or 0,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end`;

/** wrk reads replies only where it must: this costs it time. */
const COUNT_FAILED = `
failed = 0
function response(status, headers)
  if status == 200 then failed = failed + (headers["X-Batch-Failed"] or 0) end
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
  const { port, request, connections, seconds, core, directory, serverPid } = load;
  const script = join(directory, 'load.lua');
  writeFileSync(script, luaFor(request, join(directory, 'body')));
  const url = `http://127.0.0.1:${port}${request.path}`;
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url];
  const command = core === null ? wrk : ['taskset', '-c', String(core), ...wrk];
  const before = cpuMicroseconds(serverPid);
  const { stdout } = await promisify(execFile)(command[0] ?? '', command.slice(1));
  return toResult(stdout, load, cpuMicroseconds(serverPid) - before);
}

function luaFor({ body, headers, windows }: BenchRequest, bodyFile: string): string {
  if (body === null) return REPORT;
  writeFileSync(bodyFile, body);
  const fields = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  const post = ['wrk.method = "POST"', ...fields, `wrk.body = io.open("${bodyFile}", "rb"):read("*a")`];
  return [...post, windows > 1 ? COUNT_FAILED : '', REPORT].join('\n');
}

function toResult(stdout: string, load: Load, spentUs: number): LoadResult {
  const figures = /RESULT (.*)/.exec(stdout)?.[1]?.split(' ').map(Number);
  if (figures === undefined) throw new Error(`wrk printed no result:\n${stdout}`);
  const [requests = 0, durationUs = 1, refused = 0, broken = 0, failedWindows = 0, p50 = 0, p95 = 0, p99 = 0] = figures;
  const windows = (requests - refused) * load.request.windows - failedWindows;
  return {
    connections: load.connections,
    windowsPerSecond: windows / (durationUs / 1e6),
    requestsPerSecond: requests / (durationUs / 1e6),
    p50Ms: p50 / 1000,
    p95Ms: p95 / 1000,
    p99Ms: p99 / 1000,
    notOk: refused + broken,
    failedWindows,
    cpuUsPerWindow: spentUs / Math.max(windows, 1),
    rssMb: rssMb(load.serverPid),
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
