import { SidecarError } from '../core/errors.ts';
import {
  choicesOf,
  FASTEST_HZ,
  type Hello,
  LONGEST_GAP_MS,
  LONGEST_HOP,
  SLOWEST_HZ,
  StreamGaps,
  StreamUnits,
} from '../core/stream-hello.ts';
import type { Units } from './feed-columns.ts';
import { parseColumns } from './feed-table.ts';
import type { TextOptions } from './feed-text.ts';
import { TIME_UNITS, type TimeUnit } from './feed-time.ts';
import { FLAG, HELP_FLAG, parseCommandLine, TEXT } from './io.ts';

const OPTIONS = {
  url: TEXT,
  'token-file': TEXT,
  config: TEXT,
  columns: TEXT,
  rate: TEXT,
  'time-unit': TEXT,
  'acc-unit': TEXT,
  'gyro-unit': TEXT,
  'mag-unit': TEXT,
  'skip-bad': FLAG,
  baud: TEXT,
  capture: TEXT,
  root: TEXT,
  speed: TEXT,
  hop: TEXT,
  'top-k': TEXT,
  latent: FLAG,
  smoothing: TEXT,
  hysteresis: TEXT,
  'dwell-ms': TEXT,
  gaps: TEXT,
  'max-gap-ms': TEXT,
  name: TEXT,
  output: TEXT,
  save: TEXT,
  help: HELP_FLAG,
} as const;

export const OUTPUTS = ['results', 'ethogram', 'bar'] as const;
export const CAPTURES = ['auto', 'poll', 'buffer'] as const;
const { acc, gyro, mag } = StreamUnits.properties;
const UNITS = { acc: choicesOf(acc), gyro: choicesOf(gyro), mag: choicesOf(mag) };
const POLICIES = choicesOf(StreamGaps.properties.policy);

/** The command line, understood. */
export interface FeedOptions {
  readonly operand: string;
  /** The names of those that stand there, without their dashes. */
  readonly given: readonly string[];
  readonly url: string | null;
  readonly tokenFile: string | null;
  readonly config: string | null;
  readonly text: TextOptions;
  readonly baud: number | null;
  readonly capture: (typeof CAPTURES)[number];
  readonly root: string;
  /** Times real time; infinite: as fast as the daemon can; null: as the source is. */
  readonly speed: number | null;
  readonly output: (typeof OUTPUTS)[number] | null;
  readonly save: string | null;
  /** What of the hello does not depend on the recording. */
  readonly wishes: Omit<Hello, 'type' | 'rate_hz'>;
}

type Values = ReturnType<typeof parseCommandLine<typeof OPTIONS>>['values'];

/** Null where help is asked for. Throws USAGE. */
export function parseFeed(argv: readonly string[]): FeedOptions | null {
  const { values, positionals } = parseCommandLine(argv, OPTIONS, { command: 'feed', operands: 1 });
  if (values.help) return null;
  const operand = positionals[0];
  if (operand === undefined)
    throw usage('it is not said what to read: a file, - for standard input, a serial line or iio');
  return {
    operand,
    given: Object.keys(values),
    url: values.url ?? null,
    tokenFile: values['token-file'] ?? null,
    config: values.config ?? null,
    text: toTextOptions(values),
    baud: values.baud === undefined ? null : toNumber('baud', values.baud, 50, 4_000_000),
    capture: values.capture === undefined ? 'auto' : oneOf('capture', values.capture, CAPTURES),
    root: values.root ?? '/',
    speed: toSpeed(values.speed),
    output: values.output === undefined ? null : oneOf('output', values.output, OUTPUTS),
    save: values.save ?? null,
    wishes: toWishes(values),
  };
}

function toTextOptions(values: Values): TextOptions {
  const units = {
    ...(values['acc-unit'] !== undefined && { acc: oneOf('acc-unit', values['acc-unit'], UNITS.acc) }),
    ...(values['gyro-unit'] !== undefined && { gyro: oneOf('gyro-unit', values['gyro-unit'], UNITS.gyro) }),
    ...(values['mag-unit'] !== undefined && { mag: oneOf('mag-unit', values['mag-unit'], UNITS.mag) }),
  } satisfies Partial<Units>;
  return {
    columns: values.columns === undefined ? null : parseColumns(values.columns),
    rateHz: values.rate === undefined ? null : toNumber('rate', values.rate, SLOWEST_HZ, FASTEST_HZ),
    timeUnit: values['time-unit'] === undefined ? null : oneOf<TimeUnit>('time-unit', values['time-unit'], TIME_UNITS),
    units,
    skipBad: values['skip-bad'] === true,
  };
}

function toWishes(values: Values): FeedOptions['wishes'] {
  const number = (name: keyof Values & string, least: number, most: number) => {
    const text = values[name];
    return typeof text === 'string' ? toNumber(name, text, least, most) : undefined;
  };
  const policy = values.gaps === undefined ? undefined : oneOf('gaps', values.gaps, POLICIES);
  return dropUndefined({
    name: values.name,
    hop: whole('hop', number('hop', 1, LONGEST_HOP)),
    outputs: dropUndefined({ top_k: whole('top-k', number('top-k', 0, 64)), latent: values.latent }),
    smoothing: dropUndefined({
      tau_ms: number('smoothing', 0, 60_000),
      hysteresis: number('hysteresis', 0, 1),
      dwell_ms: number('dwell-ms', 0, 60_000),
    }),
    gaps: dropUndefined({ policy, max_ms: number('max-gap-ms', 0, LONGEST_GAP_MS) }),
  }) as FeedOptions['wishes'];
}

function toSpeed(text: string | undefined): number | null {
  if (text === undefined) return null;
  return text === 'max' ? Number.POSITIVE_INFINITY : toNumber('speed', text, 0.01, 100_000, ', or max');
}

function toNumber(name: string, text: string, least: number, most: number, or = ''): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= least && value <= most) return value;
  throw usage(`--${name} is a number from ${least} to ${most}${or}, not "${text}"`);
}

function whole(name: string, value: number | undefined): number | undefined {
  if (value === undefined || Number.isInteger(value)) return value;
  throw usage(`--${name} is a whole number, not ${value}`);
}

function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((one) => one.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  throw usage(`--${name} is ${known.slice(0, -1).join(', ')} or ${known.at(-1)}, not "${text}"`);
}

function dropUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

const usage = (sentence: string) =>
  new SidecarError('USAGE', `feed: ${sentence}. See "hailo-tcn-sidecar feed --help".`);
