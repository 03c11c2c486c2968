import { SidecarError } from '../core/errors.ts';
import { CHANNELS, type Channel, type Sensor, type Units, understandColumn } from './feed-columns.ts';
import type { TimeUnit } from './feed-time.ts';

/** Where in a row what is. */
export interface Layout {
  /** For people: the name of each column that is used, as it stands there. */
  readonly names: readonly string[];
  /** Of the nine channels, in the order in which they are sent. */
  readonly channels: readonly number[];
  readonly time: { readonly column: number; readonly name: string; readonly unit: TimeUnit | null } | null;
  /** Only of the sensors whose columns say it. */
  readonly units: Partial<Units>;
  readonly ignored: readonly string[];
}

const EXAMPLE = `t_ms,${CHANNELS.join(',')}`;
const SENSORS: Readonly<Record<Sensor, string>> = {
  acc: 'accelerometer',
  gyro: 'gyroscope',
  mag: 'magnetometer',
};

/** Throws INVALID_INPUT where a channel is missing or there twice, or a unit is none or not the same for one sensor. */
export function layOut(names: readonly string[], source: string, given: Partial<Units> = {}): Layout {
  const found = new Map<Channel, number>();
  const units = new Map<Sensor, string>(Object.entries(given) as [Sensor, string][]);
  let time: Layout['time'] = null;
  const ignored: string[] = [];
  for (const [column, name] of names.entries()) {
    const meaning = understandColumn(name);
    if (meaning.kind === 'channel') {
      const twin = found.get(meaning.channel);
      if (twin !== undefined) throw twice(source, meaning.channel, names[twin] ?? '', name);
      found.set(meaning.channel, column);
      if (given[meaning.sensor] === undefined)
        addUnit(units, meaning.sensor, meaning.unit, `${source}: the column "${name}"`);
    } else if (meaning.kind === 'time' && time === null) time = { column, name, unit: meaning.unit };
    else if (name !== '-') ignored.push(name);
  }
  return { names, channels: inOrder(found, names, source), time, units: Object.fromEntries(units), ignored };
}

function inOrder(found: ReadonlyMap<Channel, number>, names: readonly string[], source: string): number[] {
  const missing = CHANNELS.filter((channel) => !found.has(channel));
  if (missing.length > 0) throw incomplete(source, missing, names);
  return CHANNELS.map((channel) => found.get(channel) ?? 0);
}

function addUnit(units: Map<Sensor, string>, sensor: Sensor, unit: string | null, where: string): void {
  if (unit === null) return;
  if (unit.startsWith('?')) {
    const sentence = `${where} has the unit "${unit.slice(1)}", which is not known here. Say --${sensor}-unit.`;
    throw new SidecarError('INVALID_INPUT', sentence);
  }
  const before = units.get(sensor) ?? unit;
  if (before !== unit) {
    const sentence = `${where} is in ${unit}, another one of the ${SENSORS[sensor]} in ${before}. Give all three the same unit.`;
    throw new SidecarError('INVALID_INPUT', sentence);
  }
  units.set(sensor, unit);
}

function twice(source: string, channel: Channel, first: string, second: string): SidecarError {
  const sentence = `${source}: both "${first}" and "${second}" look like ${channel}. Name the columns in their order with --columns, "-" for one to skip, e.g. --columns ${EXAMPLE},-`;
  return new SidecarError('INVALID_INPUT', sentence);
}

function incomplete(source: string, missing: readonly Channel[], names: readonly string[]): SidecarError {
  const has = names.length === 0 ? 'no columns' : `the columns ${names.join(', ')}`;
  const sentence = `${source} has no column for ${missing.join(', ')}; the model needs all nine, and none is made up. It has ${has}. Where they are called otherwise, name them in their order with --columns, e.g. --columns ${EXAMPLE} ("-" skips one).`;
  return new SidecarError('INVALID_INPUT', sentence);
}

/** The columns as --columns names them. */
export function parseColumns(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
