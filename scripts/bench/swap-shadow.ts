import { setTimeout as sleep } from 'node:timers/promises';
import { type Box, monotonicMs, startLoad } from './swap-box.ts';
import { figuresOf, range, type Span, type Trace, toMarkdown } from './swap-figures.ts';
import { cpuMicroseconds } from './wrk.ts';

export interface ShadowParts {
  readonly box: Box;
  readonly directory: string;
  readonly perSecond: number;
  readonly body: string;
  /** Installed already. */
  readonly shadow: string;
  /** How often with and without take turns. */
  readonly pairs: number;
  readonly spanMs: number;
}

interface Stretch extends Span {
  readonly cpuUs: number;
}

interface Side {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs: number;
  readonly failed: number;
}

export interface ShadowPair {
  readonly without: Side;
  readonly with: Side;
  /** Share of the windows that the shadow computed, too. */
  readonly share: number;
}

const SETTLE_MS = 1000;

/** With and without a shadow by turns in one run, so that what else the machine does hits both. */
export async function measureShadow(parts: ShadowParts): Promise<ShadowPair[]> {
  const { box, directory, perSecond, body, shadow, pairs, spanMs } = parts;
  const load = startLoad(directory, box.port, perSecond, [body]);
  const stretches: { without: Stretch; with: Stretch; share: number }[] = [];
  let trace: Trace;
  try {
    await sleep(1500);
    for (let i = 0; i < pairs; i++) {
      const before = i % 2 === 0 ? await watch(box, spanMs) : null;
      await must(box, 'candidate', shadow, '--shadow');
      const beside = await watch(box, spanMs);
      const share = toShare(await must(box, 'compare'));
      await must(box, 'candidate', '--stop');
      stretches.push({ without: before ?? (await watch(box, spanMs)), with: beside, share });
    }
  } finally {
    trace = await load.stop();
  }
  const toSide = ({ cpuUs, ...span }: Stretch): Side => {
    const { p50Ms, p99Ms, requests, failed } = figuresOf(trace, span);
    return { p50Ms, p99Ms, failed, cpuUs: cpuUs / requests };
  };
  return stretches.map((pair) => ({ without: toSide(pair.without), with: toSide(pair.with), share: pair.share }));
}

async function watch(box: Box, spanMs: number): Promise<Stretch> {
  await sleep(SETTLE_MS);
  const [from, before] = [monotonicMs(), cpuMicroseconds(box.pid())];
  await sleep(spanMs);
  return { from, to: monotonicMs(), cpuUs: cpuMicroseconds(box.pid()) - before };
}

async function must(box: Box, ...argv: string[]): Promise<Record<string, unknown>> {
  const said = await box.model(...argv, '--json');
  if (said.status !== 0) throw new Error(`model ${argv.join(' ')} failed:\n${said.out}`);
  return JSON.parse(said.out) as Record<string, unknown>;
}

function toShare(comparison: Record<string, unknown>): number {
  const { pairs, dropped } = comparison.pairs as { pairs: number; dropped: number };
  return pairs / Math.max(1, pairs + dropped);
}

export function printShadow(perSecond: number, pairs: readonly ShadowPair[]): void {
  const row = (name: string, pick: (side: Side) => number, digits: number) => [
    name,
    range(
      pairs.map((pair) => pick(pair.without)),
      digits,
    ),
    range(
      pairs.map((pair) => pick(pair.with)),
      digits,
    ),
    range(
      pairs.map((pair) => pick(pair.with) / pick(pair.without)),
      2,
    ),
  ];
  const rows = [
    row('p50, ms', ({ p50Ms }) => p50Ms, 2),
    row('p99, ms', ({ p99Ms }) => p99Ms, 2),
    row('CPU of the daemon per window, µs', ({ cpuUs }) => cpuUs, 0),
  ];
  const failed = (pick: (pair: ShadowPair) => Side) => String(pairs.reduce((sum, pair) => sum + pick(pair).failed, 0));
  rows.push(['failed', failed((pair) => pair.without), failed((pair) => pair.with), '']);
  console.log(
    `\nMedian and range of ${pairs.length} pairs of stretches, with and without by turns; the shadow computed`,
  );
  console.log(
    `${range(
      pairs.map(({ share }) => share * 100),
      0,
    )} % of the windows.\n`,
  );
  console.log(toMarkdown([`shadow, ${perSecond} requests/s`, 'without', 'with', 'ratio, pair by pair'], rows));
}
