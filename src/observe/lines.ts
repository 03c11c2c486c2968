/** One pino record as a line a person reads: on a terminal with time and colour, in the journal with a priority. */

export interface LogRecord {
  readonly level: number;
  readonly time?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly stack?: string };
  readonly [field: string]: unknown;
}

const LEVELS = [
  { from: 60, name: 'FATAL', priority: 2, colour: 35 },
  { from: 50, name: 'ERROR', priority: 3, colour: 31 },
  { from: 40, name: 'WARN', priority: 4, colour: 33 },
  { from: 30, name: 'INFO', priority: 6, colour: 32 },
  { from: 0, name: 'DEBUG', priority: 7, colour: 90 },
] as const;

const FRAME = new Set(['level', 'time', 'msg', 'err', 'pid', 'hostname', 'message_id']);

/** Record → journald lines: each carries the `<N>` priority prefix, because journald reads it per line. */
export function toJournalLines(record: LogRecord): string {
  const { priority } = levelOf(record);
  return `${toText(record)
    .split('\n')
    .map((line) => `<${priority}>${line}\n`)
    .join('')}`;
}

/**
 * Record → fields of a journal entry: the same text as MESSAGE, and each field by its name in capitals, so that
 * `journalctl REQUEST_ID=…` finds it.
 */
export function toJournalFields(record: LogRecord): [name: string, value: string][] {
  const own = Object.entries(record)
    .filter(([key, value]) => !NO_FIELD.has(key) && value !== null && value !== undefined)
    .map(([key, value]): [string, string] => [
      toFieldName(key),
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
  return [
    ['MESSAGE', toText(record)],
    ['PRIORITY', String(levelOf(record).priority)],
    ['SYSLOG_IDENTIFIER', 'hailo-tcn-sidecar'],
    ...own,
  ];
}

/** Fields of the journal's own. */
const NO_FIELD = new Set(['level', 'time', 'msg', 'err', 'message', 'priority']);
/** journald drops a field with any other name. */
const toFieldName = (key: string) =>
  key
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, '_')
    .replace(/^[_0-9]+/, '')
    .slice(0, 64);

/** Record → a terminal line: `12:34:56.789 INFO  message key=value`. */
export function toPrettyLine(record: LogRecord, hasColour: boolean): string {
  const { name, colour } = levelOf(record);
  const level = hasColour ? `\u001b[${colour}m${name.padEnd(5)}\u001b[0m` : name.padEnd(5);
  return `${(record.time ?? '').slice(11, 23)} ${level} ${toText(record)}\n`;
}

function levelOf(record: LogRecord): (typeof LEVELS)[number] {
  return LEVELS.find((level) => record.level >= level.from) ?? LEVELS[4];
}

function toText(record: LogRecord): string {
  const fields = Object.entries(record)
    .filter(([key, value]) => !FRAME.has(key) && value !== null && value !== undefined)
    .map(([key, value]) => `${key}=${toValue(value)}`);
  const head = [record.msg ?? '', ...fields].join(' ');
  return record.err?.stack === undefined ? head : `${head}\n${record.err.stack}`;
}

function toValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w@:./,+-]+$/.test(text) ? text : JSON.stringify(text);
}
