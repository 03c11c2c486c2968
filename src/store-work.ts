import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from './system/embedded.ts';
import { loadNative, type NativeName } from './system/native.ts';
import { asOwnerOf, firstOther } from './system/store-owner.ts';

/** Not $TMPDIR, which may be for root alone. */
const FOR_ALL = '/tmp';

/**
 * Runs work on the store as its owner. An executable that root started would unpack its native parts for root alone; the
 * owner must be able to read them, and must not be able to change what a process loads that can become root again. So
 * root unpacks them for this work, and deletes them afterwards. The package's are such files, and nothing is unpacked.
 */
export async function workAsOwner<T>(
  store: string,
  work: () => Promise<T>,
  natives: readonly NativeName[] = ['koffi'],
): Promise<T> {
  const isOther = isExecutable() && process.getuid?.() === 0 && firstOther(store) !== null;
  if (!isOther) return asOwnerOf(store, work);
  const before = process.env.CACHE_DIRECTORY;
  const directory = mkdtempSync(join(FOR_ALL, 'hailo-tcn-sidecar-'));
  process.env.CACHE_DIRECTORY = directory;
  try {
    for (const name of natives) loadNative(name);
    letRead(directory);
    return await asOwnerOf(store, work);
  } finally {
    if (before === undefined) delete process.env.CACHE_DIRECTORY;
    else process.env.CACHE_DIRECTORY = before;
    rmSync(directory, { recursive: true, force: true });
  }
}

function letRead(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) letRead(path);
    else chmodSync(path, 0o644);
  }
}
