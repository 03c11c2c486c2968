import * as fs from 'node:fs';
import { closeSync, constants, fchownSync, fstatSync, lstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, SidecarError } from '../core/errors.ts';

export interface FileLockOptions {
  /** What this process does with it, for the sentence that another one gets: "model install". */
  readonly what: string;
  /** How long to wait when the caller does not say. */
  readonly waitMs?: number;
  /** `importKoffi` is a parameter for the test of a machine without it. */
  readonly importKoffi?: () => Promise<typeof import('koffi')>;
}

const DEFAULT_WAIT_MS = 10_000;
const POLL_MS = 50;
const LOCK_EX_NB = 2 | 4;
const EWOULDBLOCK = 11;

/**
 * A lock between processes on a file, which is made when it is missing and stays. The kernel releases it when the process
 * dies, however it dies, so there is none to be cleared away by hand. Within one process two holders exclude each other
 * too. The function rejects with CONFLICT, naming the holder, when it is not free within `waitMs`; with STORE_FAILED when
 * the file cannot be opened or locked.
 */
export function lockFile(path: string, options: FileLockOptions): (waitMs?: number) => Promise<() => Promise<void>> {
  let opened: Promise<TryLock> | null = null;
  return async (waitMs = options.waitMs ?? DEFAULT_WAIT_MS) => {
    opened ??= openFlock(options.importKoffi);
    const flock = await opened;
    const descriptor = await open(path);
    try {
      giveToOwner(descriptor, path);
      await untilLocked(() => flock(descriptor, path), waitMs, path);
      await sign(descriptor, options.what);
    } catch (thrown) {
      closeSync(descriptor);
      throw thrown;
    }
    return async () => closeSync(descriptor);
  };
}

/** A disk that is busy keeps a writer waiting for tens of milliseconds, and not the requests meanwhile. */
const openFile = promisify(fs.open);
const truncate = promisify(fs.ftruncate);
const write = promisify(fs.write);

/** Only for its owner: whoever may open it could hold it for ever. */
async function open(path: string): Promise<number> {
  try {
    return await openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw (isForbidden(cause) && ofAnother(path, cause)) || failed(path, messageOf(cause), cause);
  }
}

/**
 * What root makes, or made once, where somebody else is at home would lock that one out for ever. A file that has a
 * second name may be one that this somebody wants to have: it is neither given away nor written to.
 */
function giveToOwner(descriptor: number, path: string): void {
  if (process.geteuid?.() !== 0) return;
  const owner = statSync(dirname(path));
  const file = fstatSync(descriptor);
  if (owner.uid === 0 || file.uid !== 0) return;
  if (!file.isFile() || file.nlink > 1)
    throw failed(path, 'it has another name, too, or is no regular file: delete it');
  fchownSync(descriptor, owner.uid, owner.gid);
}

/** The same for a file that is there already, before root becomes somebody else; what cannot be repaired is left as it is. */
export function repairLock(path: string): void {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    giveToOwner(descriptor, path);
  } catch {
    // whoever wants the lock hears why not
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

const isForbidden = (thrown: unknown): boolean =>
  ['EACCES', 'EPERM'].includes((thrown as NodeJS.ErrnoException).code ?? '');

/** Whose the file is, which this user may not open; null when that is not the reason. */
function ofAnother(path: string, cause: unknown): SidecarError | null {
  try {
    const file = lstatSync(path);
    const directory = statSync(dirname(path));
    if (file.uid === process.geteuid?.()) return null;
    const who = file.uid === 0 ? 'root' : `the user ${file.uid}`;
    const remedy =
      file.uid === directory.uid
        ? 'use sudo, or that account'
        : `delete it, or "sudo chown ${directory.uid}:${directory.gid} ${path}"`;
    const sentence = `${path} belongs to ${who}, so this user cannot lock it: ${remedy}.`;
    return new SidecarError('STORE_FAILED', sentence, { cause });
  } catch {
    return null; // nothing is there, or it may not even be looked at
  }
}

async function untilLocked(tryLock: () => boolean, waitMs: number, path: string): Promise<void> {
  const end = performance.now() + waitMs;
  while (!tryLock()) {
    if (performance.now() >= end) throw busy(path);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Who has it, for those that wait. A full disk does not keep anybody from having it. */
async function sign(descriptor: number, what: string): Promise<void> {
  try {
    await truncate(descriptor, 0);
    await write(descriptor, Buffer.from(`${what}, process ${process.pid}\n`));
  } catch {
    // then the others read nothing
  }
}

function busy(path: string): SidecarError {
  const holder = readFileSync(path, 'utf8').split('\n')[0]?.slice(0, 200) ?? '';
  const who = holder === '' ? 'another process' : `another process (${holder})`;
  return new SidecarError('CONFLICT', `${path} is locked by ${who}: wait until it has ended, and try again.`);
}

function failed(path: string, why: string, cause?: unknown): SidecarError {
  return new SidecarError(
    'STORE_FAILED',
    `${path} cannot be locked (${why}): use sudo, or the account that owns its directory; it must be on a file system that is mounted writable.`,
    { cause },
  );
}

/** True when locked, false when somebody else has it. */
type TryLock = (descriptor: number, path: string) => boolean;

/** flock(2), which Node does not have. */
async function openFlock(importKoffi = () => import('koffi')): Promise<TryLock> {
  try {
    const { default: koffi } = await importKoffi();
    const flock = koffi.load('libc.so.6').func('int flock(int fd, int operation)');
    return (descriptor, path) => {
      if (flock(descriptor, LOCK_EX_NB) === 0) return true;
      const errno = koffi.errno();
      if (errno === EWOULDBLOCK) return false;
      throw failed(path, `errno ${errno}`);
    };
  } catch (cause) {
    throw new SidecarError(
      'NATIVE_MISSING',
      `Files cannot be locked, because koffi or libc.so.6 cannot be loaded (${messageOf(cause)}): install the package again.`,
      { cause },
    );
  }
}
