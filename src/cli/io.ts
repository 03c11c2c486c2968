import { type ParseArgsConfig, parseArgs, styleText } from 'node:util';
import { didYouMean } from '../config/nearest.ts';
import { messageOf, SidecarError, toSidecarError } from '../core/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Paint = (text: string) => string;

/** Colours carry meaning: red an error, yellow a warning, green a success, dim what can be skipped. */
export interface Colours {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

/** Where a subcommand speaks. Results go to `out`, everything about them (errors, warnings, progress) to `err`. */
export interface Io {
  /** Prints text and a line end on stdout. */
  out(line: string): void;
  /** Prints text and a line end on stderr; what would command the terminal is a question mark there. */
  err(line: string): void;
  /** True when stdout is a terminal: progress may be redrawn there. */
  readonly isTerminal: boolean;
  /** Paints for stdout; plain where stdout is no terminal or NO_COLOR is set. */
  readonly colour: Colours;
  /** Paints for stderr, decided separately because either may be redirected. */
  readonly errColour: Colours;
}

/** What createIo needs of a stream; process.stdout and process.stderr fit. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  on?(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  listenerCount?(event: 'error'): number;
}

/**
 * The Io over two streams. A reader that closes early (`| head`) is no error; other write errors are.
 * NO_COLOR (set and not empty) and TERM=dumb turn colours off.
 */
export function createIo(stdout: Output, stderr: Output, env: Environment): Io {
  tolerateClosedPipe(stdout);
  tolerateClosedPipe(stderr);
  return {
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${toPrintable(line)}\n`),
    isTerminal: stdout.isTTY === true,
    colour: toColours(wantsColour(stdout, env)),
    errColour: toColours(wantsColour(stderr, env)),
  };
}

/** Text of others, on a terminal: names of columns, cells, what a daemon says. Only what `Colours` paints with commands it. */
export function toPrintable(text: string): string {
  return text.replace(CONTROL, (sign, paint) => paint ?? '?'.repeat(sign.length));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /(\u001b\[(?:[12]|22|3[123]|39)m|\r\n)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Says on stderr why a command failed, and on stdout too where JSON was asked for; returns its exit status. */
export function fail(io: Io, thrown: unknown, isJson = false): number {
  const error = toSidecarError(thrown);
  const isFault = error.code === 'INTERNAL';
  const message = isFault ? `A fault in this program: ${messageOf(thrown)}` : error.message;
  io.err(`${io.errColour.red('error:')} ${message}`);
  if (isFault && thrown instanceof Error) io.err(`${thrown.stack}`);
  if (isJson) io.out(JSON.stringify({ ok: false, error: { code: error.code, message } }, null, 2));
  return error.rule.exit;
}

/** The options of subcommands are of these kinds, most of them. */
export const FLAG = { type: 'boolean' } as const;
export const TEXT = { type: 'string' } as const;
export const HELP_FLAG = { type: 'boolean', short: 'h' } as const;

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true; strict: true }>>;

/**
 * Options and operands of a subcommand. `usage` names the command whose --help explains more.
 * Throws USAGE: an unknown option with the nearest known one, a missing or superfluous value, too many operands.
 */
export function parseCommandLine<T extends Options>(
  argv: readonly string[],
  options: T,
  usage: { readonly command: string; readonly operands: number },
): Parsed<T> {
  const help = `See "hailo-tcn-sidecar ${usage.command} --help".`;
  let parsed: Parsed<T>;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new SidecarError('USAGE', `${toUsageSentence(cause, options)} ${help}`, { cause });
  }
  const extra = parsed.positionals[usage.operands];
  if (extra === undefined) return parsed;
  const near = didYouMean(`--${extra}`, toSpellings(options));
  throw new SidecarError('USAGE', `${usage.command}: unexpected argument "${extra}".${near} ${help}`);
}

function toUsageSentence(cause: unknown, options: Options): string {
  const option = /'(-[^' ]*)/.exec(messageOf(cause))?.[1];
  const isUnknown = (cause as NodeJS.ErrnoException).code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION';
  if (isUnknown && option !== undefined) return `Unknown option ${option}.${didYouMean(option, toSpellings(options))}`;
  return `${messageOf(cause).split('\n')[0]?.replace(/\.$/, '')}.`;
}

function toSpellings(options: Options): string[] {
  return Object.keys(options).map((name) => `--${name}`);
}

/** Rows as aligned columns, two spaces apart, without trailing blanks. */
export function toTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function wantsColour(stream: Output, env: Environment): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

function toColours(isOn: boolean): Colours {
  // validateStream is off because the decision was made above, from the streams and environment handed in.
  const paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow'): Paint =>
    isOn ? (text) => styleText(style, text, { validateStream: false }) : (text) => text;
  return { bold: paint('bold'), dim: paint('dim'), red: paint('red'), green: paint('green'), yellow: paint('yellow') };
}

function tolerateClosedPipe(stream: Output): void {
  stream.on?.('error', (error) => {
    const isOthers = (stream.listenerCount?.('error') ?? 1) > 1; // a command that tells it better
    if (error.code !== 'EPIPE' && !isOthers) throw error;
  });
}
