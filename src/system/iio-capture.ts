import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { IioDevice } from './iio-devices.ts';
import { layOutScan, readValue, type ScanLayout } from './iio-scan.ts';
import { pollFile } from './poll-file.ts';

/** A scan's raw values in the order that was asked for, and when it was taken; null where the device has no timestamps. */
export interface Scan {
  readonly timeMs: number | null;
  readonly raw: readonly number[];
}

export interface Capture {
  readonly hasTimes: boolean;
  scans(): AsyncIterable<Scan>;
  /** Puts back what was changed, the buffer first. May be called twice. */
  close(): void;
}

const TIMESTAMP = 'timestamp';
const NS_IN_MS = 1e6;
/** Scans that the kernel keeps for us: whoever is late for longer loses some. */
const LENGTH = 512;

/** True where the device's buffer can hold all of them. */
export function canCapture({ directory, elements }: IioDevice, names: readonly string[]): boolean {
  return existsSync(join(directory, 'buffer')) && names.every((name) => elements.some((e) => e.name === name));
}

/** Sets the buffer up for the channels and switches it on. Throws UNAVAILABLE, with all put back. */
export function openCapture(device: IioDevice, names: readonly string[], root: string, signal: AbortSignal): Capture {
  const changed: [path: string, before: string][] = [];
  const close = () => {
    for (const [path, before] of changed.splice(0).reverse()) tryWrite(path, before);
  };
  const set = (path: string, value: string) => {
    const before = readFileSync(path, 'utf8').trim();
    if (before === value) return;
    writeFileSync(path, value);
    changed.push([path, before]);
  };
  try {
    const layout = enable(device, names, set);
    const path = join(root, 'dev', device.node);
    const hasTimes = layout.offsets.has(TIMESTAMP);
    return { hasTimes, scans: () => readScans(pollFile(path, signal), layout, names), close };
  } catch (cause) {
    close();
    throw explain(device, cause);
  }
}

/** Exactly what is asked for, and the time: what else was on would lie between them. */
function enable(device: IioDevice, names: readonly string[], set: (path: string, value: string) => void): ScanLayout {
  const { directory, elements } = device;
  const buffer = join(directory, 'buffer');
  if (readFileSync(join(buffer, 'enable'), 'utf8').trim() !== '0')
    throw new Error('its buffer is on already: another program reads it');
  const wanted = elements.filter(({ name }) => name === TIMESTAMP || names.includes(name));
  for (const element of elements) {
    set(join(directory, 'scan_elements', `in_${element.name}_en`), wanted.includes(element) ? '1' : '0');
  }
  set(join(buffer, 'length'), String(LENGTH));
  set(join(buffer, 'enable'), '1');
  return layOutScan(wanted);
}

async function* readScans(
  chunks: AsyncIterable<Uint8Array>,
  layout: ScanLayout,
  names: readonly string[],
): AsyncGenerator<Scan> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at + layout.bytes <= bytes.length; at += layout.bytes) {
      yield toScan(bytes.subarray(at, at + layout.bytes), layout, names);
    }
    rest = bytes.subarray(at);
  }
}

function toScan(scan: Uint8Array, layout: ScanLayout, names: readonly string[]): Scan {
  const value = (name: string): number | null => {
    const [offset, type] = [layout.offsets.get(name), layout.types.get(name)];
    return offset === undefined || type === undefined ? null : Number(readValue(scan, offset, type));
  };
  const time = value(TIMESTAMP);
  return { timeMs: time === null ? null : time / NS_IN_MS, raw: names.map((name) => value(name) ?? Number.NaN) };
}

function tryWrite(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch {} // the device has gone, or somebody else has it now: nothing of ours is left there
}

function explain({ name, node }: IioDevice, cause: unknown): SidecarError {
  const denied = (cause as NodeJS.ErrnoException).code === 'EACCES';
  const what = denied ? 'this user may not: use sudo' : messageOf(cause);
  const sentence = `The buffer of ${name} (${node}) cannot be switched on: ${what}. Reading without it is --capture poll; a device that needs a trigger must have one first.`;
  return new SidecarError('UNAVAILABLE', sentence, { cause });
}
