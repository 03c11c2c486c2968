import { accessSync, closeSync, constants, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A Hailo chip as the kernel shows it; opens nothing. */
export interface DetectedDevice {
  /** e.g. hailo0 (driver 4.x, 5.0 to 5.2) or h1x-0 (driver 5.3 and later). */
  readonly name: string;
  /** The device node, or null when the driver has the chip but no node exists. */
  readonly node: string | null;
  /** Whether this user may open the node for reading and writing. */
  readonly isAccessible: boolean;
}

/** The driver's device classes and the prefix of their nodes. */
const CLASSES = ['hailo_chardev', 'hailo1x'];
const NODE = /^(hailo\d+|h1x-\d+)$/;

/** Chips by sysfs class and by node, each once, in name order. `root` is / but in tests. */
export function detectDevices(root = '/', mayOpen = isAccessible): DetectedDevice[] {
  const fromClasses = CLASSES.flatMap((name) => list(join(root, 'sys/class', name)));
  const fromNodes = list(join(root, 'dev')).filter((name) => NODE.test(name));
  return [...new Set([...fromClasses, ...fromNodes])].sort().map((name) => describe(root, name, mayOpen));
}

const MODULES = ['hailo_pci', 'hailo1x_pci'];

/** The loaded driver, e.g. "hailo_pci 4.23.0"; null when none is loaded or it tells no version. */
export function driverVersion(root = '/'): string | null {
  for (const name of MODULES) {
    try {
      return `${name} ${readFileSync(join(root, 'sys/module', name, 'version'), 'utf8').trim()}`;
    } catch {} // this one is not loaded
  }
  return null;
}

/**
 * True when a node is there, its mode lets this user in, and yet opening it gives EPERM: systemd's DeviceAllow named the
 * device as it was when the service started, and a driver that was loaded again has another number. Only a new process
 * can open it.
 */
export function isStale(device: DetectedDevice, root = '/', open = tryOpen): boolean {
  return device.node !== null && device.isAccessible && open(join(root, device.node)) === 'EPERM';
}

/** The error's code, or null. */
function tryOpen(path: string): string | null {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    return null;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

function describe(root: string, name: string, mayOpen: typeof isAccessible): DetectedDevice {
  const node = join(root, 'dev', name);
  if (!existsSync(node)) return { name, node: null, isAccessible: false };
  return { name, node: `/dev/${name}`, isAccessible: mayOpen(node) };
}

function isAccessible(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // no such class: no such driver
  }
}
