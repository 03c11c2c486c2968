import { SidecarError } from '../core/errors.ts';
import { CHANNELS, type Units } from './feed-columns.ts';
import { Numbering, newTally, type Recording, type Sample, type Tally } from './feed-recording.ts';
import { type Cell, type Chunks, type Row, readRows } from './feed-rows.ts';
import { type Layout, layOut } from './feed-table.ts';
import type { TimeUnit } from './feed-time.ts';
import { type Timing, timingOf } from './feed-timing.ts';

/** What the command line says about a recording in text. */
export interface TextOptions {
  readonly columns: readonly string[] | null;
  readonly rateHz: number | null;
  readonly timeUnit: TimeUnit | null;
  readonly units: Partial<Units>;
  readonly skipBad: boolean;
}

export interface TextSource {
  /** For people. */
  readonly name: string;
  readonly chunks: Chunks;
  readonly isLive: boolean;
  close(): void;
}

/** A row whose cells are numbers. */
export interface Reading {
  readonly time: number | null;
  /** Null where one of the nine is missing, or the line was bad. */
  readonly values: Float32Array | null;
}

const SI: Units = { acc: 'm/s2', gyro: 'rad/s', mag: 'uT' };
/** So many rows are looked at before the first is sent: to know the rate, and the unit of the times. */
const PROBE_ROWS = { file: 1000, live: 50 };

/** Throws INVALID_INPUT with the place and what to do; USAGE where the rate cannot be known. */
export async function openText(source: TextSource, options: TextOptions): Promise<Recording> {
  const tally = newTally();
  const rows = readRows(source.chunks, source.name)[Symbol.asyncIterator]();
  const { layout, first } = await findLayout(rows, source, options);
  const readings = read(prepend(first, rows), layout, { name: source.name, skipBad: options.skipBad, tally });
  const probe = await take(readings, source.isLive ? PROBE_ROWS.live : PROBE_ROWS.file);
  const timing = timingOf(probe, layout, options, source.name);
  return {
    name: source.name,
    rateHz: timing.rateHz,
    units: { ...SI, ...layout.units },
    understood: explain(layout, timing),
    warnings: timing.warnings,
    isLive: source.isLive,
    tally,
    samples: () => number(prepend(probe, readings), timing, tally),
    close: () => source.close(),
  };
}

/** A line that begins where somebody started to listen may be half a line. */
async function findLayout(rows: AsyncIterator<Row>, { name, isLive }: TextSource, options: TextOptions) {
  if (isLive) await rows.next();
  const next = await rows.next();
  if (next.done) throw new SidecarError('INVALID_INPUT', `${name} has no samples.`);
  const row: Row = next.value;
  const isHeader = row.isHeader || row.cells.some((cell) => isWord(cell));
  const names = options.columns ?? (isHeader ? row.cells.map(String) : []);
  if (names.length === 0) throw headless(name, row);
  if (row.problem === null && row.cells.length !== names.length) {
    const sentence = `--columns names ${names.length} columns, ${name} has ${row.cells.length}: name each, "-" for one to skip.`;
    throw new SidecarError('INVALID_INPUT', sentence);
  }
  return { layout: layOut(names, name, options.units), first: isHeader ? [] : [row] };
}

function headless(name: string, { cells }: Row): SidecarError {
  const example = [...(cells.length > CHANNELS.length ? ['t_ms'] : []), ...CHANNELS].join(',');
  const sentence = `${name} has ${cells.length} columns and no header that names them. Name them in their order with --columns, e.g. --columns ${example} ("-" skips one).`;
  return new SidecarError('INVALID_INPUT', sentence);
}

interface Reader {
  readonly name: string;
  readonly skipBad: boolean;
  readonly tally: Tally;
}

async function* read(rows: AsyncIterable<Row>, layout: Layout, reader: Reader): AsyncGenerator<Reading> {
  for await (const row of rows) {
    const reading = row.problem ?? toReading(row, layout);
    if (typeof reading !== 'string') {
      if (reading.values === null) reader.tally.missing += 1;
      yield reading;
    } else if (reader.skipBad) {
      reader.tally.bad += 1;
      yield { time: null, values: null };
    } else throw badLine(reader.name, row.line, reading);
  }
}

function badLine(name: string, line: number, problem: string): SidecarError {
  const sentence = `${name}:${line}: the line ${problem}. Mend it, or go over such lines with --skip-bad.`;
  return new SidecarError('INVALID_INPUT', sentence);
}

/** A sentence where the row is none. */
function toReading({ cells }: Row, { channels, time, names }: Layout): Reading | string {
  if (cells.length < names.length) return `has ${cells.length} values, not ${names.length}`;
  const values = new Float32Array(channels.length);
  let isMissing = false;
  for (const [i, column] of channels.entries()) {
    const value = toNumber(cells[column] ?? null);
    if (value === null) return `has "${cells[column]}" as ${names[column]}, which is no number`;
    if (!Number.isFinite(value)) isMissing = true;
    values[i] = value;
  }
  const at = time === null ? null : toTime(cells[time.column] ?? null);
  if (Number.isNaN(at)) return `has "${cells[time?.column ?? 0]}" as ${time?.name}, which is no time`;
  return { time: at, values: isMissing ? null : values };
}

const ABSENT = /^(|nan|null|none|n\/?a|-|\?|[-+]?inf(inity)?)$/i;

/** NaN for a value that is missing, null for what is no number. */
function toNumber(cell: Cell): number | null {
  if (typeof cell === 'number') return cell;
  if (cell === null || ABSENT.test(cell.trim())) return Number.NaN;
  const value = Number(cell);
  return Number.isNaN(value) ? null : value;
}

/** Null where there is none, NaN for what is no time; a date and time is one in milliseconds. */
function toTime(cell: Cell): number | null {
  if (cell === null || (typeof cell === 'string' && ABSENT.test(cell.trim()))) return null;
  const value = Number(cell);
  return Number.isNaN(value) ? Date.parse(String(cell)) : value;
}

/** True for what can only be a name: not a number, not a missing one, not a date and time. */
function isWord(cell: Cell): boolean {
  return typeof cell === 'string' && toNumber(cell) === null && Number.isNaN(toTime(cell));
}

async function* number(readings: AsyncIterable<Reading>, timing: Timing, tally: Tally): AsyncGenerator<Sample> {
  const numbering = new Numbering(timing.rateHz, timing.jitter, tally);
  for await (const { time, values } of readings) {
    const at = numbering.next(time === null ? null : timing.toMs(time));
    if (values !== null) yield { ...at, values };
  }
}

function explain(layout: Layout, timing: Timing): string[] {
  const used = layout.channels.map((column) => layout.names[column] ?? '');
  const units = (Object.keys(SI) as (keyof Units)[]).map((sensor) => {
    const unit = layout.units[sensor];
    return unit === undefined ? `${sensor} ${SI[sensor]} (nothing says so)` : `${sensor} ${unit}`;
  });
  const rest = layout.ignored.length === 0 ? '' : `; not used: ${layout.ignored.join(', ')}`;
  return [`columns ${used.join(' ')}${rest}`, `units ${units.join(', ')}`, timing.sentence];
}

async function take<T>(items: AsyncIterator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = await items.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

async function* prepend<T>(first: readonly T[], rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield* first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
