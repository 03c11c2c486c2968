import type { Result } from '../core/stream-events.ts';
import { type Bout, currentOf, Ethogram, isApart } from './feed-ethogram.ts';
import { toPrintable, toTable } from './io.ts';

/** Colours of the 256 that terminals have, apart from each other and readable on light and dark. */
const COLOURS = [33, 208, 40, 199, 220, 51, 129, 160, 118, 25, 216, 94] as const;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BLOCKS_IN_LINE = 60;
const NOTHING = '·';

interface Share {
  readonly name: string;
  ms: number;
  bouts: number;
}

/** One block for each hop, in lines that begin with their time; a legend at the end. */
export class Bar {
  readonly #write: (text: string) => void;
  readonly #hasColour: boolean;
  readonly #ethogram = new Ethogram((bout) => this.#count(bout));
  readonly #shares = new Map<number, Share>();
  #last: Result | null = null;
  #originMs: number | null = null;
  #inLine = 0;

  constructor(write: (text: string) => void, hasColour: boolean) {
    this.#write = write;
    this.#hasColour = hasColour;
  }

  add(result: Result, hopMs: number): void {
    const current = currentOf(result);
    if (current === null) return;
    this.#originMs ??= result.start_ms;
    if (this.#last !== null) this.#fill(this.#last, result, hopMs);
    this.#put(result.start_ms, this.#block(current.index));
    this.#ethogram.add(result, hopMs);
    this.#last = result;
  }

  /** Something else is about to be printed: it gets a line of its own. */
  pause(): void {
    this.#breakLine('');
  }

  /** The rest of the line, and the legend. */
  end(): void {
    this.#breakLine('');
    this.#ethogram.end();
    const all = [...this.#shares.values()].reduce((sum, { ms }) => sum + ms, 0);
    const sorted = [...this.#shares].sort(([, a], [, b]) => b.ms - a.ms);
    const rows = sorted.map(([, { name, ms, bouts }]) => [
      toPrintable(name),
      `${((100 * ms) / all).toFixed(1).padStart(5)} %`,
      clock(ms),
      `${bouts} ${bouts === 1 ? 'bout' : 'bouts'}`,
    ]);
    const lines = toTable(rows).map((line, i) => `${this.#block(sorted[i]?.[0] ?? 0)} ${line}\n`);
    if (lines.length > 0) this.#write(`\n${lines.join('')}`);
  }

  /** Where windows are missing between the two: one sign for each, a new line where it is more than a line. */
  #fill(last: Result, result: Result, hopMs: number): void {
    const missing = Math.round((result.start_ms - last.start_ms) / hopMs) - 1;
    if (missing <= 0 && !isApart(last, result, hopMs)) return;
    if (missing < 0 || missing > BLOCKS_IN_LINE) return this.#breakLine(NOTHING);
    for (let i = 1; i <= missing; i += 1) this.#put(last.start_ms + i * hopMs, NOTHING);
  }

  #breakLine(sign: string): void {
    if (this.#inLine > 0) this.#write(`${sign}\n`);
    this.#inLine = 0;
  }

  #put(startMs: number, block: string): void {
    if (this.#inLine === 0) this.#write(`${clock(startMs - (this.#originMs ?? 0)).padStart(8)}  `);
    this.#write(block);
    this.#inLine += 1;
    if (this.#inLine === BLOCKS_IN_LINE) this.#breakLine('');
  }

  #block(index: number): string {
    const letter = LETTERS[index % LETTERS.length] ?? '?';
    if (!this.#hasColour) return letter;
    return `\u001b[38;5;${COLOURS[index % COLOURS.length]}m█\u001b[39m`;
  }

  #count({ index, motif, start_ms, end_ms }: Bout): void {
    const share = this.#shares.get(index) ?? { name: motif ?? `motif ${index}`, ms: 0, bouts: 0 };
    share.ms += end_ms - start_ms;
    share.bouts += 1;
    this.#shares.set(index, share);
  }
}

/** 75000 → "1:15", 3675000 → "1:01:15", 1500 → "0:01.5" where it is short. */
export function clock(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  const tenths = Math.round(Math.abs(ms) / 100);
  const seconds = Math.floor(tenths / 10);
  const [s, m, h] = [seconds % 60, Math.floor(seconds / 60) % 60, Math.floor(seconds / 3600)];
  const two = (n: number) => String(n).padStart(2, '0');
  const rest = h === 0 ? `.${tenths % 10}` : '';
  return `${sign}${h > 0 ? `${h}:${two(m)}` : m}:${two(s)}${rest}`;
}
