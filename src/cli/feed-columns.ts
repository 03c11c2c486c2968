import type { Hello } from '../core/stream-hello.ts';
import { type TimeUnit, timeUnitOf } from './feed-time.ts';

/** The nine that the model needs, in the order in which they are sent. */
export const CHANNELS = ['ax', 'ay', 'az', 'gx', 'gy', 'gz', 'mx', 'my', 'mz'] as const;
export type Channel = (typeof CHANNELS)[number];
export type Sensor = 'acc' | 'gyro' | 'mag';
export type Units = Required<NonNullable<Hello['units']>>;

/** What a column's name says; the unit is null where it says none. */
export type Meaning =
  | { readonly kind: 'channel'; readonly channel: Channel; readonly sensor: Sensor; readonly unit: string | null }
  | { readonly kind: 'time'; readonly unit: TimeUnit | null }
  | { readonly kind: 'other' };

interface Vocabulary {
  readonly sensor: Sensor;
  readonly letter: string;
  readonly names: string;
  /** Spellings, without anything but letters, digits and strokes, of each unit of the stream. */
  readonly units: Readonly<Record<string, string>>;
}

const VOCABULARY: readonly Vocabulary[] = [
  {
    sensor: 'acc',
    letter: 'a',
    names: 'accelerometer|linearacceleration|acceleration|accelero|accel|acc|a',
    units: { 'm/s2': 'm/?s/?s|m/?s-?2|mps2|mpss|ms-2', g: 'g|gs|gforce|gravity', mg: 'mg|mgs|millig' },
  },
  {
    sensor: 'gyro',
    letter: 'g',
    names: 'gyroscope|angularvelocity|angularrate|anglvel|angvel|rotationrate|rotation|gyro|gyr|omega|g|w',
    units: {
      'rad/s': 'rad/?s(ec)?|radps|r/s|rps',
      'deg/s': 'deg(ree)?s?/?s(ec)?|degps|dps',
      'mdeg/s': 'mdeg/?s(ec)?|mdegps|mdps',
    },
  },
  {
    sensor: 'mag',
    letter: 'm',
    names: 'magnetometer|magneticfield|magnetic|magneto|magnet|magn|mag|compass|m',
    units: {
      uT: 'ut|mut|utesla|microteslas?',
      nT: 'nt|ntesla|nanoteslas?',
      mT: 'mt|mtesla|milliteslas?',
      G: 'g|gs|gauss',
      mG: 'mg|mgs|mgauss|milligauss',
    },
  },
];

/** What stands before a sensor's name, or between it and its axis, and says nothing. */
const BEFORE = '(?:imu|sensor|phone|device|watch|left|right)?\\d*';
const BETWEEN = '(?:sensor|data|raw|cal|calibrated|uncal)?\\d*';

/** Understands the name of a column as people write them: "ax", "accel_x", "Gyro X (deg/s)", "magX[uT]", "acc.x_g". */
export function understandColumn(name: string): Meaning {
  const { base, bracket } = split(plain(name));
  for (const words of VOCABULARY) {
    const found = findAxis(base, words);
    if (found === null) continue;
    const written = bracket ?? found.suffix;
    const unit = written === null ? null : unitOf(written, words);
    if (bracket === null && written !== null && unit === null) continue; // "acc_x_filtered" is something else
    const channel = `${words.letter}${found.axis}` as Channel;
    return { kind: 'channel', channel, sensor: words.sensor, unit: unit ?? (bracket === null ? null : `?${bracket}`) };
  }
  const time = TIME.exec(base);
  if (time === null) return { kind: 'other' };
  return { kind: 'time', unit: timeUnitOf(bracket ?? time.groups?.unit ?? time.groups?.alone ?? '') };
}

const TIME =
  /^(?:imu|sensor|host|device|sample|unix|epoch|log|mess|abtast)?(?:(?:timestamp|time|zeit|zeitstempel|uhrzeit|temps|tiempo|tempo|tijd|elapsed|t|epoch|datetime|date)(?:elapsed|unix|utc|stamp|epoch)?(?<unit>s|secs?|seconds?|ms|msecs?|millis|milliseconds?|us|usecs?|micros|microseconds?|ns|nsecs?|nanos|nanoseconds?)?|(?<alone>seconds|millis|milliseconds|micros|microseconds|nanos|nanoseconds)(?:elapsed)?)$/;

/** Lower case, one spelling of micro, degree and the small two. */
function plain(name: string): string {
  return name.trim().toLowerCase().replace(/[µμ]/g, 'u').replace(/²/g, '2').replace(/⁻/g, '-').replace(/°/g, 'deg');
}

function split(name: string): { base: string; bracket: string | null } {
  const found = /^(.*?)[([{]\s*([^)\]}]*?)\s*[)\]}]\s*$/.exec(name);
  const base = (found?.[1] ?? name).replace(/[^a-z0-9]/g, '');
  return { base, bracket: found?.[2] ? found[2].replace(/[^a-z0-9/-]/g, '') : null };
}

function findAxis(base: string, { names }: Vocabulary): { axis: string; suffix: string | null } | null {
  const after = new RegExp(`^${BEFORE}(?:${names})${BETWEEN}([xyz])(?:axis)?(.*)$`).exec(base);
  if (after !== null) return { axis: after[1] ?? '', suffix: after[2] || null };
  const before = new RegExp(`^${BEFORE}([xyz])(?:axis)?(?:${names})$`).exec(base);
  return before === null ? null : { axis: before[1] ?? '', suffix: null };
}

function unitOf(written: string, { units }: Vocabulary): string | null {
  return Object.keys(units).find((unit) => new RegExp(`^(?:${units[unit]})$`).test(written)) ?? null;
}
