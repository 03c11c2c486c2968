import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A Hailo chip as the kernel shows it; opens nothing. */
export interface DetectedDevice {
  /** e.g. hailo0 (driver 4.x, 5.0 to 5.2) or h1x-0 (driver 5.3 and later). */
  readonly name: string;
  /** The device node, or null when the driver has the chip but no node exists. */
  readonly node: string | null;
  /** Whether this user may open the node for reading and writing. */
  readonly isAccessible: boolean;
  /**
   * EPERM, though its mode lets this user in: systemd's DeviceAllow= names the devices that were there when the service
   * started, and a driver that is loaded later brings another. Only a new process can open it.
   */
  readonly isStale: boolean;
}

/** The driver's device classes and the prefix of their nodes. */
const CLASSES = ['hailo_chardev', 'hailo1x'];
const NODE = /^(hailo\d+|h1x-\d+)$/;

/** Chips by sysfs class and by node, each once, in name order. `root` is / but in tests. */
export function detectDevices(root = '/', access = tryAccess): DetectedDevice[] {
  const fromClasses = CLASSES.flatMap((name) => list(join(root, 'sys/class', name)));
  const fromNodes = list(join(root, 'dev')).filter((name) => NODE.test(name));
  return [...new Set([...fromClasses, ...fromNodes])].sort().map((name) => describe(root, name, access));
}

/** Whether there ever was a chip; looks again at an interval, and a chip that was there once is missed for good. */
export function createPresence(intervalMs: number, root = '/'): () => boolean {
  let wasSeen = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (wasSeen || now - lookedAt < intervalMs) return wasSeen;
    lookedAt = now;
    wasSeen = detectDevices(root).length > 0;
    return wasSeen;
  };
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

/** Where a node's chip is, e.g. 0000:01:00.0; undefined when the driver does not tell. */
export function pcieAddress(name: string, root = '/'): string | undefined {
  try {
    return readFileSync(join(root, 'sys/class/hailo_chardev', name, 'board_location'), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Tells a node from another that is made under the same name later. */
export function incarnation({ node }: DetectedDevice, root = '/'): string {
  const { ino, rdev } = statSync(join(root, node ?? ''));
  return `${node} ${ino} ${rdev} ${bootId(root)}`;
}

function describe(root: string, name: string, access: typeof tryAccess): DetectedDevice {
  const node = join(root, 'dev', name);
  // not existsSync: that asks for access, which is what a stale node refuses
  if (statSync(node, { throwIfNoEntry: false }) === undefined)
    return { name, node: null, isAccessible: false, isStale: false };
  const code = access(node);
  return { name, node: `/dev/${name}`, isAccessible: code === null, isStale: code === 'EPERM' };
}

function bootId(root: string): string {
  try {
    return readFileSync(join(root, 'proc/sys/kernel/random/boot_id'), 'utf8').trim();
  } catch {
    return '';
  }
}

/** The error's code, or null. The kernel asks the device cgroup here, too, so nothing need be opened to know. */
function tryAccess(path: string): string | null {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return null;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // no such class: no such driver
  }
}
