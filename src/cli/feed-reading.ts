import type { Cell, Row } from './feed-rows.ts';
import type { Layout } from './feed-table.ts';

/** A row whose cells are numbers. */
export interface Reading {
  readonly time: number | null;
  /** Null where one of the nine is missing, or the line was bad. */
  readonly values: Float32Array | null;
}

/** A sentence where the row is none. */
export function toReading({ cells }: Row, { channels, time, names }: Layout): Reading | string {
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
export function isWord(cell: Cell): boolean {
  return typeof cell === 'string' && toNumber(cell) === null && Number.isNaN(toTime(cell));
}
