import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toInferBody } from '../../src/tasks/tcn/body.ts';
import { INFER_DOOR } from '../../src/tasks/tcn/door.ts';
import { explain } from '../../src/tasks/tcn/explain.ts';
import { CHANNELS, RANGES, ROWS } from '../../src/tasks/tcn/schema.ts';
import { parseWindow } from '../../src/tasks/tcn/window.ts';
import { toShortestFloat32 } from './bodies.ts';

/**
 * `node scripts/bench/parser.ts [--json]`: µs per body for JSON.parse plus checks against the one-pass parser, and per
 * reply for JSON.stringify against the writer. Each figure is the median of interleaved rounds. "shuffled" bodies
 * change from call to call, so that the branch predictor cannot learn one body by heart; the others repeat, as in most
 * benchmarks. Without the published samples, bodies of the same form are generated.
 */
const ROUNDS = 31;
const CALLS_PER_ROUND = 192;
const VARIANTS = 64;
const SAMPLES = join(import.meta.dirname, '..', '..', '..', 'shared', 'samples');

interface Line {
  readonly what: string;
  readonly bytes: number;
  readonly jsonUs: number;
  readonly ourUs: number;
  readonly ratio: number;
}

let state = 0x2545f491;
/** The same pseudo-random numbers within [0, 1) at every run. */
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const generate = (decimals: number, size: number) =>
  Array.from({ length: ROWS }, () =>
    Array.from({ length: CHANNELS }, () => Number(((random() * 2 - 1) * size).toFixed(decimals))),
  );

function sample(file: string, otherwise: () => string): Uint8Array {
  const path = join(SAMPLES, file);
  return existsSync(path) ? readFileSync(path) : Buffer.from(otherwise());
}

const random3 = () => JSON.stringify({ x: generate(3, 1) });
const pretty3 = () => JSON.stringify({ x: generate(3, 20) }, null, 2);
const compact = (body: Uint8Array) => Buffer.from(JSON.stringify(JSON.parse(Buffer.from(body).toString())));
const rowsOf = (body: Uint8Array) => (JSON.parse(Buffer.from(body).toString()) as { x: number[][] }).x;

/** As Swift prints Float: up to 9 significant digits. */
function float32Body(): Uint8Array {
  const rows = generate(20, 20).map((row) => `[${row.map((v) => toShortestFloat32(Math.fround(v))).join(',')}]`);
  return Buffer.from(`{"x":[${rows.join(',')}]}`);
}

/** The same numbers, each channel in another order, in the same layout. */
function shuffle(body: Uint8Array): Uint8Array {
  const x = rowsOf(body);
  for (let channel = 0; channel < CHANNELS; channel++) {
    for (let i = ROWS - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [x[i]![channel], x[j]![channel]] = [x[j]![channel]!, x[i]![channel]!];
    }
  }
  return Buffer.from(JSON.stringify({ x }, null, Buffer.from(body).includes('\n  ') ? 2 : undefined));
}

function parseCases(): Record<string, readonly Uint8Array[]> {
  const randomSample = sample('random_imu_sample.json', random3);
  const realistic = sample('realistic_imu_sample.json', pretty3);
  const cases: Record<string, Uint8Array> = {
    'random sample, as published': randomSample,
    'random sample, compact': compact(randomSample),
    'realistic sample, compact': compact(realistic),
    'realistic sample, pretty': realistic,
    'static sample': sample('static_imu_sample.json', random3),
    'float32, up to 9 digits': float32Body(),
    'float64, 16 to 17 digits': Buffer.from(JSON.stringify({ x: generate(20, 20) })),
  };
  const repeated = Object.entries(cases).map(([what, body]) => [what, [body]] as const);
  // A shuffled body is printed anew, compact or pretty: the published sample with its ', ' has no form of its own there.
  const { 'random sample, as published': _, ...printed } = cases;
  const shuffled = Object.entries(printed).map(
    ([what, body]) => [`${what}, shuffled`, Array.from({ length: VARIANTS }, () => shuffle(body))] as const,
  );
  return Object.fromEntries([...repeated, ...shuffled]);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** What a careful program does without a parser of its own: text, JSON.parse, then every check of the contract. */
function parseWithChecks(body: Uint8Array): Float32Array | null {
  const value = JSON.parse(decoder.decode(body)) as { x?: unknown } | null;
  if (typeof value !== 'object' || value === null || !Array.isArray(value.x) || value.x.length !== ROWS) return null;
  const window = new Float32Array(ROWS * CHANNELS);
  for (let i = 0; i < ROWS; i++) {
    const row: unknown = value.x[i];
    if (!Array.isArray(row) || row.length !== CHANNELS || !copyRow(row, window, i * CHANNELS)) return null;
  }
  return window;
}

function copyRow(row: readonly unknown[], window: Float32Array, first: number): boolean {
  for (let channel = 0; channel < CHANNELS; channel++) {
    const value = row[channel];
    if (typeof value !== 'number' || !Number.isFinite(Math.fround(value))) return false;
    if (Math.abs(value) > RANGES[channel]!) return false;
    window[first + channel] = value;
  }
  return true;
}

const parseOnePass = (body: Uint8Array) => parseWindow(body, INFER_DOOR, RANGES);

function microsecondsPerCall<T>(run: (input: T) => unknown, inputs: readonly T[]): number {
  const start = performance.now();
  for (let i = 0; i < CALLS_PER_ROUND; i++) run(inputs[i % inputs.length]!);
  return ((performance.now() - start) * 1000) / CALLS_PER_ROUND;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function compare<T>(
  what: string,
  inputs: readonly T[],
  json: (input: T) => unknown,
  ours: (input: T) => unknown,
): Line {
  const rounds = Array.from({ length: ROUNDS }, () => [
    microsecondsPerCall(json, inputs),
    microsecondsPerCall(ours, inputs),
  ]);
  const jsonUs = median(rounds.map(([us]) => us!));
  const ourUs = median(rounds.map(([, us]) => us!));
  return { what, bytes: 0, jsonUs, ourUs, ratio: jsonUs / ourUs };
}

function compareParsers(what: string, bodies: readonly Uint8Array[]): Line {
  for (const body of bodies) checkAgreement(what, body);
  return { ...compare(what, bodies, parseWithChecks, parseOnePass), bytes: bodies[0]!.length };
}

/** A parser that took the slow way, or read another number, would be measured for nothing. */
function checkAgreement(what: string, body: Uint8Array): void {
  const fast = parseOnePass(body);
  const exact = explain(body, INFER_DOOR, RANGES);
  if (fast === null || !Buffer.from(fast.buffer).equals(Buffer.from(exact.buffer))) {
    throw new Error(`The one-pass parser does not read "${what}" as JSON.parse does.`);
  }
}

interface Answer {
  readonly latent: Float32Array;
  readonly scores: Float32Array;
}

function compareWriters(): Line {
  const answers: readonly Answer[] = Array.from({ length: VARIANTS }, () => ({
    latent: Float32Array.from({ length: 64 }, () => (random() - 0.5) * 4),
    scores: Float32Array.from({ length: 12 }, random),
  }));
  const write = ({ latent, scores }: Answer) => toInferBody(latent, scores);
  const stringify = ({ latent, scores }: Answer) =>
    JSON.stringify({ latent: Array.from(latent), motif_scores: Array.from(scores) });
  return { ...compare('reply of /infer', answers, stringify, write), bytes: write(answers[0]!).length };
}

function toTable(lines: readonly Line[]): string {
  const rows = lines.map(
    ({ what, bytes, jsonUs, ourUs, ratio }) =>
      `| ${what} | ${bytes} | ${jsonUs.toFixed(1)} | ${ourUs.toFixed(1)} | ${ratio.toFixed(2)} |`,
  );
  return ['| body | bytes | JSON, µs | ours, µs | ratio |', '|---|--:|--:|--:|--:|', ...rows].join('\n');
}

const { values } = parseArgs({ options: { json: { type: 'boolean' } } });
const lines = [...Object.entries(parseCases()).map(([what, bodies]) => compareParsers(what, bodies)), compareWriters()];
console.log(values.json ? JSON.stringify(lines) : toTable(lines));
