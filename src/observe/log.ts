import { type DestinationStream, destination, pino, stdSerializers } from 'pino';
import type { Log } from '../core/log.ts';
import { type LogRecord, toJournalFields, toJournalLines, toPrettyLine } from './lines.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export const FORMATS = ['auto', 'json', 'pretty', 'journal'] as const;
export type LogFormat = (typeof FORMATS)[number];

export interface DaemonLog extends Log {
  setLevel(level: LogLevel): void;
  /** Writes out what is still buffered, for a second at most; the last thing a process does. */
  close(): Promise<void>;
}

/** Where lines go: sonic-boom's shape, so that a test can collect them. */
export interface LogSink {
  write(text: string): unknown;
  close?(): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly env: NodeJS.ProcessEnv;
  readonly isTerminal: boolean;
  readonly sink?: LogSink;
  /** journald's own socket; false when it did not take the entry, which then goes to stdout. */
  readonly journal?: (fields: readonly (readonly [name: string, value: string])[]) => boolean;
}

const MAX_BUFFERED_BYTES = 4 << 20;
const CLOSE_MS = 1000;

/** A pino log on stdout. Writes never block the event loop; a reader that stalls costs lines, never memory. */
export function createLog(options: LogOptions): DaemonLog {
  const sink = options.sink ?? openStdout();
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: { err: stdSerializers.err },
    },
    toStream(sink, chooseFormat(options), options),
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    setLevel: (level) => {
      logger.level = level;
    },
    close: async () => sink.close?.(),
  };
}

/** `auto`: readable on a terminal, prefixed under systemd, JSON elsewhere. */
export function chooseFormat({ format, env, isTerminal }: LogOptions): Exclude<LogFormat, 'auto'> {
  if (format !== 'auto') return format;
  if (isTerminal) return 'pretty';
  return env.JOURNAL_STREAM === undefined ? 'json' : 'journal';
}

/** Ends by itself, unlike the library's flushSync, which tries again for ever when stdout cannot be written. */
function openStdout(): LogSink {
  const stdout = destination({ dest: 1, sync: false, maxLength: MAX_BUFFERED_BYTES });
  let pendingBytes = 0;
  let isClosed = false;
  stdout.on('error', () => {}); // a closed pipe, a full disk: nothing can be said
  stdout.on('write', (written: number) => (pendingBytes -= written));
  stdout.on('drop', (text: string) => (pendingBytes -= Buffer.byteLength(text)));
  stdout.flushSync = () => {}; // called by the library when the process exits
  return {
    write: (text) => {
      if (isClosed) return;
      pendingBytes += Buffer.byteLength(text);
      stdout.write(text);
    },
    close: async () => {
      const endAt = performance.now() + CLOSE_MS;
      while (pendingBytes > 0 && performance.now() < endAt) await new Promise((resolve) => setTimeout(resolve, 5));
      isClosed = true;
      stdout.destroy();
    },
  };
}

function toStream(sink: LogSink, format: Exclude<LogFormat, 'auto'>, options: LogOptions): DestinationStream {
  if (format === 'json') return { write: (line) => void sink.write(line) };
  const { journal } = options;
  if (format === 'journal' && journal !== undefined) {
    return {
      write: (line) => {
        const record = JSON.parse(line) as LogRecord;
        if (!journal(toJournalFields(record))) sink.write(toJournalLines(record));
      },
    };
  }
  const hasColour = options.isTerminal && !options.env.NO_COLOR;
  const toLine = format === 'journal' ? toJournalLines : (record: LogRecord) => toPrettyLine(record, hasColour);
  return { write: (line) => void sink.write(toLine(JSON.parse(line) as LogRecord)) };
}
