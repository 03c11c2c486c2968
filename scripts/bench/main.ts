import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestBodies } from './bodies.ts';
import { makeReferenceBundle, startBare, startDaemon, type Target, timeExecutable } from './targets.ts';
import { cpuMicroseconds, type LoadResult, requireWrk, rssMb, runWrk } from './wrk.ts';

/**
 * `npm run bench [-- --quick]`: every figure of the README's table in one run, so that their ratios mean something on a
 * machine that is shared. Servers without a model are pinned to core 0 and the load to core 1; the CPU model may use both.
 */
const SECONDS = process.argv.includes('--quick') ? 1 : 4;
const CONNECTIONS = [1, 8, 32, 100];
const HERE = import.meta.dirname;
const directory = mkdtempSync(join(tmpdir(), 'sidecar-bench-'));
const bodies = requestBodies();
const rates = new Map<string, number>();

interface Row {
  readonly what: string;
  readonly result: LoadResult;
}

requireWrk();
try {
  await main();
} finally {
  rmSync(directory, { recursive: true });
}

async function main(): Promise<void> {
  console.log(`## Parser\n\n${node('parser.ts')}`);
  await shippedFigures();
  const table = await measure(await startBare(0), 0, { 'bare 200': null }, '/');
  const stub = await startDaemon('trivial function', directory, 'backend: {kind: stub}\n', 0);
  table.push(...(await measure(stub, 0, bodies, '/infer')));
  const shipped = await startDaemon('shipped model', directory, 'backend: {kind: cpu}\n', null);
  table.push(...(await measure(shipped, null, bodies, '/infer')));
  const bundle = await makeReferenceBundle(directory);
  if (bundle !== null) table.push(...(await referenceFigures(bundle)));
  print(table);
  printRatios(bundle !== null);
}

/** One row per body and number of connections, after a run that is thrown away; stops the server. */
async function measure(
  target: Target,
  core: number | null,
  requests: Record<string, string | null>,
  path: string,
): Promise<Row[]> {
  const rows: Row[] = [];
  const url = `http://127.0.0.1:${target.port}${path}`;
  const load = { url, serverPid: target.pid, core: core === null ? null : 1, directory };
  await runWrk({ ...load, connections: 8, seconds: 2, body: Object.values(requests)[0] ?? null });
  for (const [name, body] of Object.entries(requests)) {
    for (const connections of CONNECTIONS) {
      const result = await runWrk({ ...load, connections, seconds: SECONDS, body });
      const what = body === null ? name : `${target.name}, ${name}`;
      rates.set(`${what} ${connections}`, result.perSecond);
      rows.push({ what, result });
    }
  }
  await target.stop();
  return rows;
}

/** What a client at EdgeInfer's pace sees, what the daemon costs, and whether anything blocks its event loop. */
async function shippedFigures(): Promise<void> {
  const file = join(directory, 'body.json');
  writeFileSync(file, bodies['float32 digits'] ?? '');
  const config = 'backend: {kind: cpu}\n';
  const target = await startDaemon('paced', directory, config, null);
  const paced = JSON.parse(node('open-loop.ts', String(target.port), '250', String(SECONDS * 3), file));
  const before = cpuMicroseconds(target.pid);
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 2500));
  const idle = (cpuMicroseconds(target.pid) - before) / (SECONDS * 25_000);
  const memory = rssMb(target.pid);
  await target.stop();
  const probed = await startDaemon('probed', directory, config, null, true);
  await probed.loopDelay();
  node('open-loop.ts', String(probed.port), '250', String(SECONDS), file);
  const loop = await probed.loopDelay();
  await probed.stop();
  const executable = await timeExecutable(directory);
  const rows = [
    ['exec to first `ok:true`, executable', executable === null ? 'not built' : `${executable.toFixed(0)} ms`],
    ['the same from the sources', `${target.startMs.toFixed(0)} ms`],
    ['250 requests/s open-loop: p50', ms(paced.p50Ms)],
    ['p95, p99, max', `${ms(paced.p95Ms)}, ${ms(paced.p99Ms)}, ${ms(paced.maxMs)}`],
    ['of them not 200', `${paced.notOk} of ${paced.requests}`],
    ['event loop meanwhile: p99 and longest delay of a 1 ms timer', `${ms(loop.p99Ms)}, ${ms(loop.maxMs)}`],
    ['CPU when idle', `${idle.toFixed(2)} % of a core`],
    ['memory (RSS) after that load', `${memory.toFixed(0)} MB`],
  ];
  console.log('## The daemon with the shipped model\n\n| figure | value |\n|---|--:|');
  for (const [figure, value] of rows) console.log(`| ${figure} | ${value} |`);
  console.log('');
}

/** The published 72 % model: the daemon against a bare loop in one thread, taken before and after. */
async function referenceFigures(bundle: string): Promise<Row[]> {
  const onnx = readdirSync(bundle).find((file) => file.endsWith('.onnx')) ?? '';
  const loops = [Number(node('model-loop.ts', join(bundle, onnx), String(SECONDS)))];
  const target = await startDaemon(
    '72 % model',
    directory,
    `backend: {kind: cpu}\nmodel: {bundle: ${bundle}}\ninference: {allow_uncalibrated_motifs: true, deadline_ms: 2000}\n`,
    null,
  );
  const rows = await measure(target, null, { 'compact sample': bodies['compact sample'] ?? '' }, '/infer');
  loops.push(Number(node('model-loop.ts', join(bundle, onnx), String(SECONDS))));
  rates.set('bare loop', (loops[0]! + loops[1]!) / 2);
  return rows;
}

function print(rows: readonly Row[]): void {
  console.log('## Requests\n');
  console.log('| request | connections | per s | p50 ms | p95 ms | p99 ms | not 200 | server CPU µs | RSS MB |');
  console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|');
  for (const { what, result: r } of rows) {
    const latencies = [r.p50Ms, r.p95Ms, r.p99Ms].map((value) => value.toFixed(2)).join(' | ');
    console.log(
      `| ${what} | ${r.connections} | ${Math.round(r.perSecond)} | ${latencies} | ${r.errors} | ${r.serverCpuUs.toFixed(0)} | ${r.serverRssMb.toFixed(0)} |`,
    );
  }
}

function printRatios(hasReference: boolean): void {
  const rate = (name: string) => rates.get(name) ?? Number.NaN;
  console.log('\n## Ratios\n\n| ratio at 8 connections | goal | seen |\n|---|--:|--:|');
  for (const name of Object.keys(bodies)) {
    const seen = rate(`trivial function, ${name} 8`) / rate('bare 200 8');
    console.log(`| \`/infer\` with a trivial function, ${name} ÷ bare 200 | 0.20 | ${seen.toFixed(2)} |`);
  }
  if (!hasReference) return;
  const seen = rate('72 % model, compact sample 8') / rate('bare loop');
  console.log(
    `| 72 % model through HTTP ÷ bare loop in one thread (${Math.round(rate('bare loop'))}/s) | 0.90 | ${seen.toFixed(2)} |`,
  );
}

function node(script: string, ...args: string[]): string {
  return execFileSync(process.execPath, [join(HERE, script), ...args], { encoding: 'utf8' });
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
