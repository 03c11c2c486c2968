import { SidecarError } from '../core/errors.ts';
import type { FeedOptions } from './feed-options.ts';

/** What kind of source a feed reads. */
export type SourceKind = 'iio' | 'serial' | 'text';

const OF_TEXT = ['columns', 'time-unit', 'acc-unit', 'gyro-unit', 'mag-unit', 'skip-bad'];
const OF_IIO = ['capture', 'root'];
/** Options that mean nothing there, and why. */
const MEANINGLESS: Readonly<Record<SourceKind, readonly (readonly [options: readonly string[], why: string])[]>> = {
  iio: [
    [OF_TEXT, 'not for IIO devices, which say it themselves'],
    [['baud'], 'for a serial line'],
    [['speed'], 'not for sensors, which come as they come'],
  ],
  serial: [
    [OF_IIO, 'for IIO devices'],
    [['speed'], 'not for sensors, which come as they come'],
  ],
  text: [
    [OF_IIO, 'for IIO devices'],
    [['baud'], 'for a serial line'],
  ],
};

/** Throws USAGE: who says what has no meaning expects something that will not happen. */
export function refuseMeaningless({ given, operand }: FeedOptions, kind: SourceKind): void {
  const place = operand === '-' ? 'standard input' : operand;
  for (const [options, why] of MEANINGLESS[kind]) {
    const wrong = options.filter((option) => given.includes(option)).map((option) => `--${option}`);
    if (wrong.length === 0) continue;
    const verb = wrong.length === 1 ? 'is' : 'are';
    const end = why.startsWith('for') ? `, and ${place} is none` : '';
    throw new SidecarError('USAGE', `feed: ${wrong.join(', ')} ${verb} ${why}${end}.`);
  }
}
