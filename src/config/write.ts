import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';

/**
 * Replaces a file so that every reader sees the old or the new one, also after a power cut. Mode 0644.
 * A symbolic link stays, its target is replaced. Throws UNAVAILABLE and leaves the old file when it cannot be done.
 */
export function writeAtomically(path: string, text: string): void {
  const target = followLink(path);
  const temporary = join(dirname(target), `.${process.pid}.${Date.now()}.tmp`);
  try {
    writeDurably(temporary, text);
    renameSync(temporary, target);
    syncDirectory(dirname(target));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new SidecarError('UNAVAILABLE', `${path} cannot be written: ${messageOf(cause)}. ${remedyFor(cause)}`, {
      cause,
    });
  }
}

function writeDurably(path: string, text: string): void {
  const descriptor = openSync(path, 'wx', 0o644);
  try {
    // The mode of open() passes the umask, and a root with umask 077 would lock the service out.
    writeFileSync(descriptor, text);
    fchmodSync(descriptor, 0o644);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function followLink(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : resolve(path);
  } catch {
    return resolve(path);
  }
}

function remedyFor(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'Create its directory first.';
  if (code === 'EACCES' || code === 'EPERM') return 'Run the command as a user who may write there, e.g. with sudo.';
  return 'Free the place or choose another one with --out.';
}
