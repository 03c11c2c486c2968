import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Box, type Load, monotonicMs, type Said, startLoad } from './swap-box.ts';
import { countOf, figuresOf, range, type Span, type SpanFigures, type Trace, toMarkdown } from './swap-figures.ts';
import type { Misfits } from './swap-misfits.ts';

export interface RoundParts {
  readonly box: Box;
  readonly directory: string;
  readonly perSecond: number;
  /** What is sent, and what is sent when the field has changed. */
  readonly bodies: readonly string[];
  /** Another version of the active model, not installed yet. */
  readonly next: string;
  readonly misfits: Misfits;
  /** How long the load goes on untouched between two steps. */
  readonly quietMs: number;
}

export interface StepResult {
  readonly name: string;
  readonly before: SpanFigures;
  /** From the start of the command until 2 s after its end. */
  readonly during: SpanFigures;
  readonly after: SpanFigures;
  /** Wall time of the command, and what its JSON says of the daemon's own; null where there is none. */
  readonly commandMs: number;
  readonly daemonMs: number | null;
}

interface Step extends Omit<StepResult, 'before' | 'during' | 'after'> {
  readonly span: Span;
}

const SETTLE_MS = 2000;

/** All steps once, one after the other, under one load that never pauses. */
export async function measureRound(parts: RoundParts): Promise<StepResult[]> {
  const { box, directory, perSecond, bodies, quietMs } = parts;
  const load = startLoad(directory, box.port, perSecond, bodies);
  const steps: Step[] = [];
  const quiet: Span[] = [];
  let trace: Trace;
  try {
    await sleep(1500); // connections, and a daemon that may have slept
    quiet.push(await beQuiet(quietMs));
    for (const run of toSteps(parts, load)) {
      steps.push(await run());
      await sleep(SETTLE_MS);
      quiet.push(await beQuiet(quietMs));
    }
  } finally {
    trace = await load.stop();
  }
  warnOfNoise(trace, quiet);
  return steps.map(({ span, ...step }, i) => ({
    ...step,
    before: figuresOf(trace, quiet[i]!),
    during: figuresOf(trace, { from: span.from, to: span.to + SETTLE_MS }),
    after: figuresOf(trace, quiet[i + 1]!),
  }));
}

async function beQuiet(ms: number): Promise<Span> {
  const from = monotonicMs();
  await sleep(ms);
  return { from, to: monotonicMs() };
}

/** The revert comes last: the field's windows would be among the latest ones, and a gate would see them. */
function toSteps({ box, next, misfits }: RoundParts, load: Load): (() => Promise<Step>)[] {
  let installed = '';
  return [
    () => command(box, 'a command that changes nothing (model list)', 0, 'list'),
    async () => {
      const step = await command(box, 'install', 0, 'install', next);
      installed = String(step.reply.model);
      return step;
    },
    () => command(box, 'activate', 0, 'activate', installed),
    () => command(box, 'rollback', 0, 'rollback'),
    () => command(box, 'activate, refused by the gate "latency"', 1, 'activate', misfits.slow.ref),
    () => revert(box, load, 'automatic revert (answers not finite)', misfits.hot.ref),
  ];
}

async function command(
  box: Box,
  name: string,
  isRefusal: 0 | 1,
  ...argv: string[]
): Promise<Step & { readonly reply: Record<string, unknown> }> {
  const said = await box.model(...argv, '--json');
  if ((said.status !== 0) !== (isRefusal === 1)) throw new Error(`${name}: model ${argv.join(' ')} said\n${said.out}`);
  const reply = parse(said);
  const daemonMs = typeof reply.ms === 'number' ? reply.ms : null;
  return { name, span: { from: said.from, to: said.to }, commandMs: said.to - said.from, daemonMs, reply };
}

function parse({ out }: Said): Record<string, unknown> {
  return JSON.parse(out.slice(0, out.lastIndexOf('}') + 1)) as Record<string, unknown>;
}

/** The model is let in, the field changes, and the daemon takes it back; the time is from the change to the old model's return. */
async function revert(box: Box, load: Load, name: string, ref: string): Promise<Step> {
  await command(box, name, 0, 'activate', ref);
  await sleep(SETTLE_MS);
  const isThere = (await activeModel(box)) === ref;
  const from = monotonicMs();
  load.send(1);
  while ((await activeModel(box)) === ref) {
    if (monotonicMs() - from > 20_000) throw new Error(`${name}: ${ref} was not taken back within 20 s`);
    await sleep(20);
  }
  const to = monotonicMs();
  load.send(0);
  const list = await command(box, name, 0, 'list');
  const refused = (list.reply.refused as { ref: string; why: string }[]).find((entry) => entry.ref === ref);
  process.stderr.write(`  ${name}${isThere ? '' : ', before the field changed'}: ${refused?.why}\n`);
  return { name, span: { from, to }, commandMs: isThere ? to - from : Number.NaN, daemonMs: null };
}

async function activeModel({ url }: Box): Promise<string> {
  const reply = await fetch(`${url}/model/info`);
  return String(((await reply.json()) as { id?: string }).id);
}

/** What the machine does besides shows in a load that cannot keep its own times, and in stretches where nothing was done. */
function warnOfNoise(trace: Trace, quiet: readonly Span[]): void {
  const late = trace.sent.filter((at, i) => at - trace.due[i]! > 5).length;
  const share = ((100 * late) / trace.sent.length).toFixed(2);
  const undisturbed = quiet.map((span) => figuresOf(trace, span));
  const failed = undisturbed.reduce((sum, figures) => sum + figures.failed, 0);
  const gaps = range(undisturbed.map(({ gapMs }) => gapMs));
  process.stdout.write(
    `  load average ${loadavg()[0]?.toFixed(1)}; ${trace.sent.length} requests, ${share} % sent more than 5 ms late; while nothing was done: ${failed} failed, longest gap ${gaps} ms\n`,
  );
}

/** One row per step: medians and ranges over the rounds, and sums of what failed. */
export function printSteps(perSecond: number, rounds: readonly (readonly StepResult[])[]): void {
  const header = [
    `${perSecond} requests/s`,
    'failed before, during, after',
    'of',
    'not within 45 ms during',
    'longest gap before, ms',
    'during',
    'after',
    'p50 before, ms',
    'during',
    'after',
    'p99 before, ms',
    'during',
    'after',
    'p99 during ÷ before',
  ];
  const rows = toColumns(rounds).map((repeats) => {
    const each = (pick: (result: StepResult) => number) => repeats.map(pick);
    const sum = (pick: (result: StepResult) => number) => each(pick).reduce((a, b) => a + b, 0);
    const triple = (key: 'gapMs' | 'p50Ms' | 'p99Ms') =>
      (['before', 'during', 'after'] as const).map((when) => range(each((result) => result[when][key])));
    return [
      repeats[0]!.name,
      (['before', 'during', 'after'] as const).map((when) => sum((result) => result[when].failed)).join(', '),
      String(sum(({ before, during, after }) => before.requests + during.requests + after.requests)),
      String(sum(({ during }) => during.missedByEdgeInfer)),
      ...triple('gapMs'),
      ...triple('p50Ms'),
      ...triple('p99Ms'),
      range(each(({ before, during }) => during.p99Ms / before.p99Ms)),
    ];
  });
  console.log(`\nMedian and range of ${rounds.length} rounds.\n\n${toMarkdown(header, rows)}`);
}

/** The same step of all rounds. */
function toColumns(rounds: readonly (readonly StepResult[])[]): StepResult[][] {
  return (rounds[0] ?? []).map((_, i) => rounds.map((steps) => steps[i]!));
}

export function printTimes(rounds: readonly (readonly StepResult[])[]): void {
  const rows = toColumns(rounds).map((repeats) => [
    repeats[0]!.name,
    range(
      repeats.map(({ commandMs }) => commandMs),
      0,
    ),
    range(
      repeats.flatMap(({ daemonMs }) => daemonMs ?? []),
      0,
    ),
    countOf(repeats.flatMap(({ during }) => during.errors)),
  ]);
  console.log(`\n${toMarkdown(['meanwhile', 'command, ms', 'of it in the daemon, ms', 'what failed'], rows)}`);
}
