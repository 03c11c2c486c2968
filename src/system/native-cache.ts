import { createHash, randomUUID } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { FileSet } from './embedded.ts';

/** Longer than any start takes, short enough that old versions (56 MB each) do not pile up. */
const UNUSED_MS = 7 * 24 * 3600 * 1000;
const KEY = /^[0-9a-f]{32}$/;
const REMEDY = 'set CACHE_DIRECTORY to a directory that this user may write and that allows execution';

/**
 * Where the executable may unpack its files: $CACHE_DIRECTORY (systemd sets it), $XDG_CACHE_HOME or ~/.cache.
 * Throws NATIVE_MISSING when none is set and this user has no home.
 */
export function cacheRoot(env: NodeJS.ProcessEnv, home: () => string = homedir): string {
  // systemd joins several directories by colons; XDG's rule is that a relative path is ignored.
  const given = [env.CACHE_DIRECTORY?.split(':')[0], env.XDG_CACHE_HOME].find((path) => path && isAbsolute(path));
  return join(given ?? join(homeOf(home), '.cache'), 'hailo-tcn-sidecar');
}

/** A user id without an entry in /etc/passwd, as containers use them, has no home unless $HOME says so. */
function homeOf(home: () => string): string {
  try {
    const path = home();
    if (isAbsolute(path)) return path;
    throw new Error('$HOME is empty or relative');
  } catch (cause) {
    const sentence = `The program must unpack parts of itself, but this user has no home directory: ${REMEDY}.`;
    throw new SidecarError('NATIVE_MISSING', sentence, { cause });
  }
}

/**
 * Makes sure that `files` of the set are in the set's own directory under `root`, byte for byte, and returns that
 * directory. A file that is missing or differs is written anew; what other versions left unused is removed.
 * Throws NATIVE_MISSING when the directory cannot be written or is not safe to load code from.
 */
export function ensureCached(root: string, set: FileSet, files: readonly string[], now = Date.now()): string {
  const directory = join(root, set.key);
  try {
    makeDirectory(directory);
    refuseUnsafe(root);
    refuseUnsafe(directory);
    for (const file of files) if (!hasDigest(directory, file, set)) writeFile(directory, file, set);
  } catch (thrown) {
    if (thrown instanceof SidecarError) throw thrown;
    const sentence = `The program unpacks parts of itself into ${directory}, but cannot (${messageOf(thrown)}): ${REMEDY}.`;
    throw new SidecarError('NATIVE_MISSING', sentence, { cause: thrown });
  }
  markUsed(directory, now);
  removeUnused(root, set, now);
  return directory;
}

/** True when the file is there with the digest that the set states. */
export function hasDigest(directory: string, file: string, set: FileSet): boolean {
  const path = join(directory, file);
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  return createHash('sha256').update(readFileSync(path)).digest('hex') === set.digests[file];
}

/** True when nobody but root and this user can change what lies at the path. A link never is: its own mode is 0777. */
export function isTrusted(path: string): boolean {
  const stat = lstatSync(path);
  const isOurs = stat.uid === 0 || stat.uid === process.getuid?.();
  return isOurs && (stat.mode & 0o022) === 0;
}

/** Not mkdir's own `recursive`: where nothing can be made at all, as below /proc, that never returns. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw thrown;
    makeDirectory(dirname(path));
    makeLast(path);
  }
}

function makeLast(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown; // another start was faster
  }
}

function refuseUnsafe(directory: string): void {
  if (isTrusted(directory)) return;
  throw new SidecarError(
    'NATIVE_MISSING',
    `The program loads code from ${directory}, but others could change it (it is a link, belongs to another user, or ` +
      `is writable by others): remove it, or ${REMEDY}.`,
  );
}

/** A name of its own first: two starts at once both succeed, a killed one leaves no half file under the real name. */
function writeFile(directory: string, file: string, set: FileSet): void {
  const temporary = join(directory, `${file}.${randomUUID()}.tmp`);
  try {
    writeFileSync(temporary, set.read(file), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, join(directory, file));
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
}

/** The directory's time is when it was last used; on a read-only file system there is nothing to prune either. */
function markUsed(directory: string, now: number): void {
  try {
    utimesSync(directory, now / 1000, now / 1000);
  } catch {}
}

/**
 * Removes what no start has used lately: directories of other versions, temporary files of killed starts. A program
 * that still runs from such a directory keeps its mapped files, and unpacks again when it needs another.
 */
function removeUnused(root: string, set: FileSet, now: number): void {
  const current = join(root, set.key);
  const old = readdirSync(root).filter((name) => KEY.test(name) && name !== set.key && !set.kin?.includes(name));
  const parts = readdirSync(current).filter((name) => name.endsWith('.tmp'));
  for (const path of [...old.map((name) => join(root, name)), ...parts.map((name) => join(current, name))]) {
    try {
      if (now - lstatSync(path).mtimeMs > UNUSED_MS) rmSync(path, { recursive: true });
    } catch {}
  }
}
