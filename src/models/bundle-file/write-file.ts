import { randomBytes } from 'node:crypto';
import { constants, lstatSync, type Stats } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf, SidecarError } from '../../core/errors.ts';
import { besides } from '../publish.ts';
import { nodeDisk } from '../store/node-disk.ts';
import { writeDurably } from '../store/store-files.ts';
import { MANIFEST } from './member-rules.ts';

/**
 * Writes a file so that a reader sees the old or the new one, whole, also after a power cut. Mode 0644 whatever the
 * umask: bundles are for the service to read. Throws UNAVAILABLE, and what `content` throws; the old file stays then.
 */
export async function writeFileWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const target = resolve(path);
  const staging = besides(target, `${randomBytes(4).toString('hex')}.tmp`);
  try {
    await writeDurably(nodeDisk, staging, content);
    await nodeDisk.rename(staging, target);
    await nodeDisk.syncDirectory(dirname(target));
  } catch (cause) {
    await rm(staging, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw cause instanceof SidecarError ? cause : unwritable(path, cause);
  }
}

/** Throws USAGE when something is at `path` that was not asked to be replaced, or that is no bundle file: that stays. */
export async function requireFreeFile(path: string, mayReplace: boolean): Promise<void> {
  const stat = lookAt(path);
  if (stat === undefined) return;
  if (!mayReplace) {
    throw new SidecarError('USAGE', `${path} exists already: name another --out, or give --force to replace it.`);
  }
  if (stat.isFile() && (await isBundleFile(path))) return;
  throw new SidecarError('USAGE', `${path} is no bundle file, so --force does not replace it: name another --out.`);
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** Every archive of ours begins with the name of its first member. */
async function isBundleFile(path: string): Promise<boolean> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MANIFEST.length + 1), 0, MANIFEST.length + 1, 0);
    return bytesRead === 0 || buffer.toString('latin1') === `${MANIFEST}\0`;
  } finally {
    await handle.close();
  }
}

function unwritable(path: string, cause: unknown): SidecarError {
  const sentence = `${path} cannot be written: ${messageOf(cause)}. ${remedyFor(cause)}`;
  return new SidecarError('UNAVAILABLE', sentence, { cause });
}

function remedyFor(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'Free some space, or choose another place with --out.';
  if (code === 'ENOENT') return 'Create its directory first.';
  if (code === 'EACCES' || code === 'EPERM') return 'Run the command as a user who may write there.';
  return 'Choose another place with --out.';
}
