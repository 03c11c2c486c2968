import { dirname, join } from 'node:path';
import { SidecarError } from '../../core/errors.ts';
import type { Disk } from './disk.ts';

/** Names at the top of the store that only an interrupted change leaves behind; what is being staged is its install's. */
export const LEFTOVER = /^\.(journal|link|trash)-/;
export const STAGING = '.staging-';

export function hasCode(thrown: unknown, code: string): boolean {
  return (thrown as NodeJS.ErrnoException | null)?.code === code;
}

/** null when there is no such file. */
export async function readIfThere(disk: Disk, path: string): Promise<Buffer | null> {
  try {
    return await disk.readFile(path);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return null;
    throw thrown;
  }
}

/** A new file, on disk when it resolves; its name is so only after a sync of the directory. Closed whatever happens. */
export async function writeDurably(
  disk: Disk,
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const file = await disk.create(path);
  try {
    for await (const chunk of chunks) await file.write(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The directory and those above it, durably. The name of one that is there is synced too, because the process that made
 * it may have died before it did; where this user may not, it is another's directory and not new.
 */
export async function ensureDirectory(disk: Disk, path: string): Promise<void> {
  const parent = dirname(path);
  if ((await disk.kindOf(path)) !== null) return orWarn(() => disk.syncDirectory(parent), ignore);
  if (parent !== path) await ensureDirectory(disk, parent);
  try {
    await disk.mkdir(path);
  } catch (thrown) {
    if (!hasCode(thrown, 'EEXIST')) throw thrown; // another process was faster
  }
  await disk.syncDirectory(parent);
}

const ignore = () => undefined;

/** Deletes whatever is there; a link is deleted, never followed. */
export async function removeTree(disk: Disk, path: string): Promise<void> {
  const kind = await disk.kindOf(path);
  if (kind === null) return;
  if (kind !== 'directory') return disk.unlink(path);
  for (const name of await disk.list(path)) await removeTree(disk, join(path, name));
  await disk.rmdir(path);
}

/** Deletes a directory if it is empty; true when it did. */
export async function removeEmpty(disk: Disk, path: string): Promise<boolean> {
  if ((await disk.kindOf(path)) !== 'directory' || (await disk.list(path)).length > 0) return false;
  await disk.rmdir(path);
  return true;
}

/** Runs what may fail without harm, and tells; only a disk's refusal counts as harmless. */
export async function orWarn(work: () => Promise<unknown>, warn: (sentence: string) => void): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof SidecarError)) throw thrown;
    warn(thrown.message);
  }
}
