import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Disk, NewFile } from './disk.ts';

/** What the store itself decides by; everything else that a disk says is for a person. */
const EXPECTED = new Set(['ENOENT', 'EEXIST', 'ENOTEMPTY']);

/** A disk whose refusals are STORE_FAILED, in sentences with the remedy. `neededBytes` is what is being written, 0 = little. */
export function explainedDisk(disk: Disk, neededBytes: () => number): Disk {
  const explain =
    (path: string) =>
    (thrown: unknown): never => {
      throw explained(thrown, path, neededBytes());
    };
  return {
    mkdir: (path) => disk.mkdir(path).catch(explain(path)),
    create: async (path) => explainedFile(await disk.create(path).catch(explain(path)), explain(path)),
    readFile: (path) => disk.readFile(path).catch(explain(path)),
    list: (path) => disk.list(path).catch(explain(path)),
    kindOf: (path) => disk.kindOf(path).catch(explain(path)),
    readLink: (path) => disk.readLink(path).catch(explain(path)),
    symlink: (target, path) => disk.symlink(target, path).catch(explain(path)),
    rename: (from, to) => disk.rename(from, to).catch(explain(to)),
    unlink: (path) => disk.unlink(path).catch(explain(path)),
    rmdir: (path) => disk.rmdir(path).catch(explain(path)),
    syncDirectory: (path) => disk.syncDirectory(path).catch(explain(path)),
    freeBytes: (path) => disk.freeBytes(path).catch(explain(path)),
  };
}

function explainedFile(file: NewFile, explain: (thrown: unknown) => never): NewFile {
  return {
    write: (chunk) => file.write(chunk).catch(explain),
    sync: () => file.sync().catch(explain),
    close: () => file.close().catch(explain),
  };
}

/** STORE_FAILED for a space that is too small, before or while it is used up. */
export function noSpace(path: string, neededBytes: number, because: string, cause?: unknown): SidecarError {
  const needed = neededBytes > 0 ? `; about ${neededBytes} bytes are needed` : '';
  return new SidecarError(
    'STORE_FAILED',
    `${path} cannot be written: ${because}${needed}. Free some with "hailo-tcn-sidecar model gc" or by deleting other files, and try again.`,
    { cause },
  );
}

function explained(thrown: unknown, path: string, neededBytes: number): unknown {
  const { code } = thrown as NodeJS.ErrnoException;
  if (thrown instanceof SidecarError || typeof code !== 'string' || EXPECTED.has(code)) return thrown;
  if (code === 'ENOSPC') return noSpace(path, neededBytes, 'the disk is full', thrown);
  if (code === 'EDQUOT') return noSpace(path, neededBytes, "the user's disk quota is used up", thrown);
  return new SidecarError('STORE_FAILED', sentence(code, path, thrown), { cause: thrown });
}

function sentence(code: string, path: string, thrown: unknown): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return `${path} is not accessible to this user: use sudo, or the account that owns the model store.`;
  }
  if (code === 'EROFS') {
    return `${path} is on a file system that is mounted read-only: remount it writable, or for the service let ReadWritePaths= name the model store.`;
  }
  return `${path} cannot be used: ${messageOf(thrown)}. If the disk is at fault, the kernel's log (dmesg) says so.`;
}
