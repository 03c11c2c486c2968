import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseScanType, type ScanElement } from './iio-scan.ts';

/** The kinds of channels of a motion sensor, as the kernel calls them. */
const KINDS = ['accel', 'anglvel', 'magn'] as const;
const AXES = ['x', 'y', 'z'] as const;

/** What makes a value of the kernel's unit (m/s², rad/s, Gauss) of a raw one: (raw + offset) × scale. */
export interface IioChannel {
  readonly rawPath: string;
  /** Null where the device does not say it. */
  readonly scale: number | null;
  readonly offset: number;
}

export interface IioDevice {
  /** "iio:device0". */
  readonly node: string;
  /** What the driver calls it. */
  readonly name: string;
  readonly directory: string;
  /** "accel_x" → its channel. */
  readonly channels: ReadonlyMap<string, IioChannel>;
  /** Null where the device does not say it. */
  readonly rateHz: number | null;
  /** What its buffer can hold; empty where it has none. */
  readonly elements: readonly ScanElement[];
  /** Its axes are not those of the machine, and the kernel knows how they lie. */
  readonly isMounted: boolean;
}

const SYSFS = 'sys/bus/iio/devices';

/** Those with at least one channel of motion. `root` is / but in tests. */
export function readIioDevices(root: string): IioDevice[] {
  const all = join(root, SYSFS);
  const nodes = existsSync(all) ? readdirSync(all).filter((node) => /^iio:device\d+$/.test(node)) : [];
  const sorted = nodes.sort((a, b) => Number(a.slice(10)) - Number(b.slice(10)));
  return sorted.map((node) => readDevice(join(all, node), node)).filter(({ channels }) => channels.size > 0);
}

function readDevice(directory: string, node: string): IioDevice {
  const channels = new Map<string, IioChannel>();
  for (const kind of KINDS) {
    for (const axis of AXES) {
      const rawPath = join(directory, `in_${kind}_${axis}_raw`);
      if (!existsSync(rawPath)) continue;
      const own = (what: string) => readNumber(directory, [`in_${kind}_${axis}_${what}`, `in_${kind}_${what}`]);
      channels.set(`${kind}_${axis}`, { rawPath, scale: own('scale'), offset: own('offset') ?? 0 });
    }
  }
  const rates = KINDS.filter((kind) => channels.has(`${kind}_x`)).flatMap(
    (kind) => readNumber(directory, [`in_${kind}_sampling_frequency`, 'sampling_frequency']) ?? [],
  );
  return {
    node,
    name: readText(join(directory, 'name')) ?? node,
    directory,
    channels,
    rateHz: rates.length === 0 ? null : Math.min(...rates),
    elements: readElements(join(directory, 'scan_elements')),
    isMounted: KINDS.some((kind) => isTurned(directory, kind)),
  };
}

function readElements(directory: string): ScanElement[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((file) => {
    const name = /^in_(.+)_en$/.exec(file)?.[1];
    if (name === undefined) return [];
    const index = readNumber(directory, [`in_${name}_index`]);
    const type = parseScanType(readText(join(directory, `in_${name}_type`)) ?? '');
    return index === null || type === null ? [] : [{ name, index, type }];
  });
}

function isTurned(directory: string, kind: string): boolean {
  const files = [`in_${kind}_mount_matrix`, 'in_mount_matrix', 'mount_matrix'];
  const matrix = files.flatMap((file) => readText(join(directory, file)) ?? [])[0];
  const values = matrix?.split(/[,;]/).map(Number) ?? [];
  return values.length === 9 && values.some((value, i) => value !== (i % 4 === 0 ? 1 : 0));
}

function readNumber(directory: string, files: readonly string[]): number | null {
  for (const file of files) {
    const value = Number.parseFloat(readText(join(directory, file)) ?? '');
    if (Number.isFinite(value)) return value;
  }
  return null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null; // no such attribute, or one that cannot be read now: the device does not say it
  }
}
