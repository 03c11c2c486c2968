import { chmodSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { messageOf, SidecarError } from './core/errors.ts';
import { makeScratch, type Scratch } from './scratch.ts';
import { isExecutable } from './system/embedded.ts';
import { repairLock } from './system/file-lock.ts';
import { loadNative, type NativeName } from './system/native.ts';
import { asOwnerOf, firstOther } from './system/store-owner.ts';

/** Not $TMPDIR, which may be for root alone. The first may be mounted noexec, the second seldom is as well. */
const FOR_ALL = ['/tmp', '/var/tmp'];
const LOCKS = ['.lock', '.install', '.daemon'];

/**
 * Runs work on the store as its owner. An executable that root started would unpack its native parts for root alone; the
 * owner must be able to read them, and must not be able to change what a process loads that can become root again. So
 * root unpacks them for this work, and deletes them afterwards. The package's are such files, and nothing is unpacked.
 * Throws NATIVE_MISSING where nothing can be loaded from.
 */
export async function workAsOwner<T>(
  store: string,
  work: () => Promise<T>,
  natives: readonly NativeName[] = ['koffi'],
): Promise<T> {
  const isOther = process.getuid?.() === 0 && firstOther(store) !== null;
  if (isOther) for (const name of LOCKS) repairLock(join(store, name));
  if (!isOther || !isExecutable()) return asOwnerOf(store, work);
  const before = process.env.CACHE_DIRECTORY;
  let scratch: Scratch | null = null;
  try {
    scratch = unpackForAll(places(before), (directory) => {
      process.env.CACHE_DIRECTORY = directory;
      for (const name of natives) loadNative(name);
    });
    return await asOwnerOf(store, work);
  } finally {
    if (before === undefined) delete process.env.CACHE_DIRECTORY;
    else process.env.CACHE_DIRECTORY = before;
    scratch?.remove();
  }
}

/** Where natives for everybody may be unpacked. What an admin chose comes first, if everybody can get there. */
export function places(cacheDirectory: string | undefined): string[] {
  const chosen = cacheDirectory?.split(':')[0] ?? '';
  return isAbsolute(chosen) && isForAll(chosen) ? [chosen, ...FOR_ALL] : FOR_ALL;
}

/** Everybody may go through all directories on the way, and nobody but root may exchange what lies in them. */
function isForAll(path: string): boolean {
  try {
    for (let at = realpathSync(path); ; at = dirname(at)) {
      const { mode, uid } = lstatSync(at);
      const isSticky = (mode & 0o1000) !== 0;
      if (uid !== 0 || (mode & 0o001) === 0 || ((mode & 0o022) !== 0 && !isSticky)) return false;
      if (at === dirname(at)) return true;
    }
  } catch {
    return false;
  }
}

/** Unpacks in the first of the places from which `load` can load; the caller removes the directory. */
export function unpackForAll(parents: readonly string[], load: (directory: string) => void): Scratch {
  const said: string[] = [];
  for (const parent of parents) {
    let scratch: Scratch | null = null;
    try {
      scratch = makeScratch(parent, 'hailo-tcn-sidecar-');
      load(scratch.path);
      letRead(scratch.path);
      return scratch;
    } catch (thrown) {
      scratch?.remove();
      said.push(`${parent}: ${messageOf(thrown)}`);
    }
  }
  throw new SidecarError(
    'NATIVE_MISSING',
    `For work on the model store the program unpacks parts of itself, and could not load them anywhere. Set CACHE_DIRECTORY to a directory of root that everybody may enter and that allows execution, or install the package. Tried: ${said.join(' ')}`,
  );
}

function letRead(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) letRead(path);
    else chmodSync(path, 0o644);
  }
}
