import { SidecarError } from '../core/errors.ts';
import { SI_UNITS } from '../core/stream-hello.ts';
import { CHANNELS, type Units } from './feed-columns.ts';
import { prepend } from './feed-prepend.ts';
import { PROBE, probe } from './feed-probe.ts';
import { isWord, type Reading, toReading } from './feed-reading.ts';
import { Numbering, newTally, type Recording, type Sample, type Tally } from './feed-recording.ts';
import { type Row, type RowSource, readRows } from './feed-rows.ts';
import { type Layout, layOut } from './feed-table.ts';
import type { TimeUnit } from './feed-time.ts';
import { isRateKnown, type Timing, timingOf } from './feed-timing.ts';

/** What the command line says about a recording in text. */
export interface TextOptions {
  readonly columns: readonly string[] | null;
  readonly rateHz: number | null;
  readonly timeUnit: TimeUnit | null;
  readonly units: Partial<Units>;
  readonly skipBad: boolean;
}

export interface TextSource extends RowSource {
  /** All of it is there already. */
  readonly isFile: boolean;
  close(): void;
}

/** Throws INVALID_INPUT with the place and what to do; USAGE where the rate cannot be known. */
export async function openText(source: TextSource, options: TextOptions): Promise<Recording> {
  const tally = newTally();
  const rows = readRows(source);
  const { layout, first } = await findLayout(rows, source, options);
  if (layout.time === null && options.timeUnit !== null) throw timeless(source.name);
  const readings = read(prepend(first, rows), layout, { name: source.name, skipBad: options.skipBad, tally });
  const isEnough = (some: readonly Reading[]) => isRateKnown(some, layout, options);
  const { readings: begin, rest } = await probe(readings, source.isFile ? PROBE.file : PROBE.flow, isEnough);
  const timing = timingOf(begin, layout, options, source.name);
  return {
    name: source.name,
    rateHz: timing.rateHz,
    units: { ...SI_UNITS, ...layout.units },
    understood: explain(layout, timing),
    warnings: timing.warnings,
    isLive: source.isLive,
    isFile: source.isFile,
    tally,
    samples: () => number(prepend(begin, rest), timing, tally),
    close: () => source.close(),
  };
}

async function findLayout(rows: AsyncIterator<Row>, { name }: TextSource, options: TextOptions) {
  const row = await firstGood(rows, name, options.skipBad);
  const isHeader = row.isHeader || row.cells.some((cell) => isWord(cell));
  const names = options.columns ?? (isHeader ? row.cells.map(String) : []);
  if (names.length === 0) throw headless(name, row);
  if (row.cells.length !== names.length) {
    const sentence = `--columns names ${names.length} columns, ${name} has ${row.cells.length}: name each, "-" for one to skip.`;
    throw new SidecarError('INVALID_INPUT', sentence);
  }
  return { layout: layOut(names, name, options.units), first: isHeader ? [] : [row] };
}

async function firstGood(rows: AsyncIterator<Row>, name: string, skipBad: boolean): Promise<Row> {
  for (;;) {
    const next = await rows.next();
    if (next.done) throw new SidecarError('INVALID_INPUT', `${name} has no samples.`);
    const { problem, line } = next.value;
    if (problem === null) return next.value;
    if (!skipBad) throw badLine(name, line, problem);
  }
}

function timeless(name: string): SidecarError {
  const sentence = `feed: --time-unit says the unit of times, and ${name} has no column with times.`;
  return new SidecarError('USAGE', sentence);
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

async function* number(readings: AsyncIterable<Reading>, timing: Timing, tally: Tally): AsyncGenerator<Sample> {
  const numbering = new Numbering(timing.rateHz, timing.jitter, tally);
  for await (const { time, values } of readings) {
    const at = numbering.next(time === null ? null : timing.toMs(time));
    if (values !== null) yield { ...at, values };
  }
}

function explain(layout: Layout, timing: Timing): string[] {
  const used = layout.channels.map((column) => layout.names[column] ?? '');
  const rest = layout.ignored.length === 0 ? '' : `; not used: ${layout.ignored.join(', ')}`;
  return [`columns ${used.join(' ')}${rest}`, unitsSentence(layout.units), timing.sentence];
}

function unitsSentence(said: Partial<Units>): string {
  const silent = (Object.keys(SI_UNITS) as (keyof Units)[]).filter((sensor) => said[sensor] === undefined);
  const units = Object.values({ ...SI_UNITS, ...said }).join(', ');
  if (silent.length === 0) return `units ${units}`;
  return `units ${units}; nothing says that of ${silent.join(', ')}, where SI is taken`;
}
