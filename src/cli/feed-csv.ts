import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { Row } from './feed-rows.ts';

/** A quote that is never closed would swallow the file: no line of samples is as long as this. */
const LONGEST_LINE = 65_536;

/** Lines as cells, numbered as an editor numbers them. Blank lines and lines that begin with # are left out. */
export async function* csvRows(texts: AsyncIterable<string>, delimiter: string, name: string): AsyncGenerator<Row> {
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    info: true,
    trim: true,
    comment: '#',
    comment_no_infix: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_LINE,
  });
  const source = Readable.from(texts);
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let width = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const cells = toCells(record, delimiter);
      width ||= cells.length;
      const problem = cells.length === width ? null : `has ${cells.length} cells, the first line has ${width}`;
      yield { line: info.lines, cells: problem === null ? cells : [], isHeader: false, problem };
    }
  } catch (thrown) {
    throw explain(thrown, name);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

interface Parsed {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

/** Cells that blanks keep apart may have several between them. */
function toCells(record: string[], delimiter: string): string[] {
  if (delimiter === ' ') return record.filter((cell) => cell !== '');
  return delimiter === ';' ? record.map(withPoint) : record;
}

/** Where cells are kept apart by semicolons, numbers have commas. */
function withPoint(cell: string): string {
  return /^[-+]?\d*,\d+(e[-+]?\d+)?$/i.test(cell) ? cell.replace(',', '.') : cell;
}

function explain(thrown: unknown, name: string): unknown {
  const { code, lines } = thrown as { code?: unknown; lines?: unknown };
  if (typeof code !== 'string' || !code.startsWith('CSV_')) return thrown;
  const sentence = `${name}:${lines}: this is no CSV from here on (${messageOf(thrown)}). Look for a quote that is not closed.`;
  return new SidecarError('INVALID_INPUT', sentence, { cause: thrown });
}
