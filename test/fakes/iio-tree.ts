import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const AXES = ['x', 'y', 'z'];

export interface FakeDevice {
  readonly name: string;
  /** Attributes of the device, e.g. {"in_accel_scale": "0.01"}. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Raw values by kind, e.g. {accel: [1, 2, 3]}. */
  readonly raw: Readonly<Record<string, readonly number[]>>;
  /** Types of the elements of its buffer, in their order; none where it has no buffer. */
  readonly scan?: Readonly<Record<string, string>>;
}

/** What the kernel shows of IIO devices below /sys/bus/iio and /dev, as files; a buffer is a FIFO. */
export function writeIioTree(root: string, devices: readonly FakeDevice[]): void {
  for (const [i, device] of devices.entries()) {
    const directory = join(root, `sys/bus/iio/devices/iio:device${i}`);
    mkdirSync(directory, { recursive: true });
    writeAll(directory, { name: device.name, ...device.attributes });
    for (const [kind, values] of Object.entries(device.raw)) {
      writeAll(directory, Object.fromEntries(values.map((value, a) => [`in_${kind}_${AXES[a]}_raw`, String(value)])));
    }
    if (device.scan === undefined) continue;
    writeScan(directory, device.scan);
    mkdirSync(join(root, 'dev'), { recursive: true });
    spawnSync('mkfifo', [join(root, `dev/iio:device${i}`)]);
  }
}

function writeScan(directory: string, scan: Readonly<Record<string, string>>): void {
  mkdirSync(join(directory, 'scan_elements'));
  mkdirSync(join(directory, 'buffer'));
  writeAll(join(directory, 'buffer'), { enable: '0', length: '2' });
  for (const [index, [name, type]] of Object.entries(scan).entries()) {
    const files = { [`in_${name}_en`]: '0', [`in_${name}_index`]: String(index), [`in_${name}_type`]: type };
    writeAll(join(directory, 'scan_elements'), files);
  }
}

function writeAll(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), `${text}\n`);
}

export function readAttribute(root: string, path: string): string {
  return readFileSync(join(root, 'sys/bus/iio/devices', path), 'utf8').trim();
}
