import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { sha256 } from '../fixtures/bundle.ts';
import { restWindow, startTestDaemon, type TestDaemon } from './daemon.ts';
import { type ChipTree, insertChip, type StandInChip } from './stand-in-chip.ts';

export interface DaemonOnChip extends TestDaemon {
  readonly chip: StandInChip;
}

export interface OnChipOptions {
  readonly kind?: 'auto' | 'hailo';
  /** Keys of backend.hailo, YAML in one line. */
  readonly hailo?: string;
  /** Whether the chip is there at the start; default true. */
  readonly hasChip?: boolean;
  /** Keys of inference. */
  readonly inference?: string;
  /** Line of the stand-in's script that is in force from the start. */
  readonly script?: string;
}

/** The real daemon with a bundle for both, ONNX and .hef, on a stand-in chip. */
export async function startOnChip(
  t: Pick<Test, 'teardown'> & { testdir(tree: ChipTree): string },
  {
    kind = 'auto',
    hailo = 'timeout_ms: 200',
    inference = 'deadline_ms: 1000',
    script = '',
    hasChip = true,
  }: OnChipOptions = {},
): Promise<DaemonOnChip> {
  const chip = insertChip(t);
  if (!hasChip) chip.pullOut();
  await chip.script(script);
  const bundle = writeChipBundle(chip);
  const yaml = `server: {port: 0}
model: {bundle: ${bundle}}
backend: {kind: ${kind}, hailo: {library: ${chip.library}, ${hailo}}}
inference: {${inference}}
`;
  return Object.assign(await startTestDaemon(t, { yaml, root: chip.root }), { chip });
}

/** The chip's bundle with its .hef as an artefact; returns its directory. */
export function writeChipBundle(chip: StandInChip): string {
  const bundle = join(chip.root, 'bundle');
  const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.yaml'), 'utf8'));
  cpSync(chip.hefPath, join(bundle, 'model.hef'));
  const digest = sha256(readFileSync(chip.hefPath));
  const tolerance = { cosine: 0.98 };
  manifest.artefacts.push({ file: 'model.hef', kind: 'hef', sha256: digest, input_layout: [100, 9, 1], tolerance });
  writeFileSync(join(bundle, 'manifest.yaml'), JSON.stringify(manifest));
  return bundle;
}

export interface Answer {
  readonly status: number;
  readonly backend: string | null;
  readonly degraded: string | null;
  readonly latent: number[] | undefined;
}

export async function infer(url: string, x: number[][]): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/infer?normalized=true`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ x }),
  });
  const { latent } = (await response.json()) as { latent?: number[] };
  const header = (name: string) => response.headers.get(name);
  return { status: response.status, backend: header('x-backend'), degraded: header('x-degraded'), latent };
}

export async function health(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${url}/healthz`)).json()) as Record<string, unknown>;
}

export async function untilBackend(url: string, backend: string): Promise<void> {
  while ((await health(url)).backend !== backend) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Windows whose answers differ from each other by more than any quantisation. */
export function windowOf(seed: number): number[][] {
  return restWindow().map((row, i) => row.map((_, c) => Math.sin(seed + i / 9 + c) * 2));
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

export interface FaultOutcome {
  readonly answers: number;
  /** Other than 200. */
  readonly refused: number;
  /** Not the answer to their own window. */
  readonly wrong: number;
  /** Requests that ended without any reply. */
  readonly lost: number;
  readonly onCpu: number;
  /** Milliseconds from the fault to the CPU's first answer, and from the fault's end to /healthz naming the device again. */
  readonly toCpuMs: number;
  readonly toDeviceMs: number;
}

/** Puts a fault in force under the load of `clients`, waits for the CPU, ends it, waits for the device. */
export async function runFault({ url, chip }: DaemonOnChip, fault: string, clients = 4): Promise<FaultOutcome> {
  const seeds = Array.from({ length: clients }, (_, i) => i);
  const right = await Promise.all(seeds.map(async (seed) => (await infer(url, windowOf(seed))).latent!));
  const answers: { seed: number; answer: Answer | null; at: number }[] = [];
  let isOver = false;
  const loads = seeds.map(async (seed) => {
    while (!isOver) {
      const answer = await infer(url, windowOf(seed)).catch(() => null);
      answers.push({ seed, answer, at: performance.now() });
    }
  });
  const startAt = performance.now();
  await chip.script(fault);
  await untilBackend(url, 'cpu');
  const cpuAt = performance.now();
  await chip.script();
  await untilBackend(url, 'hailo');
  const deviceAt = performance.now();
  isOver = true;
  await Promise.all(loads);
  const given = answers.filter(({ answer }) => answer?.status === 200);
  return {
    answers: answers.length,
    lost: answers.filter(({ answer }) => answer === null).length,
    refused: answers.length - given.length,
    wrong: given.filter(({ seed, answer }) => !(cosine(answer!.latent!, right[seed]!) > 0.98)).length,
    onCpu: given.filter(({ answer }) => answer!.backend === 'cpu' && answer!.degraded !== null).length,
    toCpuMs: (answers.find(({ answer }) => answer?.backend === 'cpu')?.at ?? Number.NaN) - startAt,
    toDeviceMs: deviceAt - cpuAt,
  };
}
