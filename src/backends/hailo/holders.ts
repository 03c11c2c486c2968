import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/**
 * Processes that have a device node open, as far as this user may see: other users' are visible to root only. Having it
 * open is not yet having the device, but whoever has the device has it open.
 */
export function holdersOf(node: string, root = '/'): readonly Holder[] {
  const proc = join(root, 'proc');
  const pids = list(proc).filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => hasOpen(join(proc, pid, 'fd'), node)).map((pid) => describe(proc, Number(pid)));
}

function hasOpen(directory: string, node: string): boolean {
  return list(directory).some((name) => {
    try {
      return readlinkSync(join(directory, name)) === node;
    } catch {
      return false; // closed in the meantime
    }
  });
}

function describe(proc: string, pid: number): Holder {
  try {
    return { pid, name: readFileSync(join(proc, String(pid), 'comm'), 'utf8').trim() };
  } catch {
    return { pid, name: 'ended by now' };
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // another user's, or gone
  }
}
