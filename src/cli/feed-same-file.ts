import { type BigIntStats, fstatSync, statSync } from 'node:fs';
import { SidecarError } from '../core/errors.ts';

/** Throws USAGE where --save names what is read, by whatever name: to open it would be its end. `input`: standard input's descriptor. */
export function refuseSameFile(save: string, source: string, input: number | undefined): void {
  const from = source === '-' ? lookAt(input) : look(source);
  const to = look(save);
  if (from === null || to === null || !isSame(from, to)) return;
  const what = source === '-' ? 'what comes on standard input' : source;
  throw new SidecarError('USAGE', `feed: --save: ${save} is ${what}, which is read: name another file.`);
}

/** A device may have several nodes. */
function isSame(a: BigIntStats, b: BigIntStats): boolean {
  if (a.dev === b.dev && a.ino === b.ino) return true;
  return a.isCharacterDevice() && b.isCharacterDevice() && a.rdev === b.rdev;
}

/** Null where nothing is there; who opens it tells what is wrong. */
function look(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return null;
  }
}

function lookAt(file: number | undefined): BigIntStats | null {
  return file === undefined ? null : fstatSync(file, { bigint: true });
}
