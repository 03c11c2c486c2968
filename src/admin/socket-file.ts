import { randomBytes } from 'node:crypto';
import { type BigIntStats, chmodSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';

/** sockaddr_un takes 107 bytes; the name for moving aside needs eight more than the socket's own. */
const PATH_LIMIT_BYTES = 99;
const ASK_TIMEOUT_MS = 2000;
/** Owner only: what umask leaves of a socket's 0777. */
const UMASK = 0o177;

/**
 * Makes `path` free for a socket. What a killed daemon left behind is removed; anything else stays.
 * Throws PORT_IN_USE when a daemon answers there, UNAVAILABLE when the place cannot be used.
 */
export async function freeSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_LIMIT_BYTES)
    throw unusable(
      path,
      `the path is longer than the ${PATH_LIMIT_BYTES} bytes that a socket's may have; take another`,
    );
  if (!statOf(`${dirname(path)}/.`)?.isDirectory())
    throw unusable(path, `${dirname(path)} is no directory; under systemd RuntimeDirectory= makes it`);
  const there = statOf(path);
  if (there === null) return;
  if (!there.isSocket())
    throw unusable(path, 'something else than a socket has this name, and is not touched; move it away');
  await removeStale(path, there);
}

/** Listens at `path`, open for the owner only from the first moment. Throws as freeSocketPath does. */
export async function listenAt(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.once('listening', resolve);
  const umask = process.umask(UMASK);
  try {
    server.listen(path); // binds before it returns, so that the umask is needed for no longer
  } finally {
    process.umask(umask);
  }
  try {
    await promise;
    chmodSync(path, 0o600);
  } catch (cause) {
    server.close();
    if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') throw owned(path);
    throw unusable(path, messageOf(cause), cause);
  } finally {
    server.off('error', reject);
  }
}

/**
 * A daemon that starts at the same time may put its socket here after the old one was asked. So what lies here is moved
 * aside, which only one can do, looked at there, and put back when it is not the one that was asked.
 */
async function removeStale(path: string, stale: BigIntStats): Promise<void> {
  if (await isAnswered(path)) throw owned(path);
  const aside = `${path}.${randomBytes(3).toString('hex')}`;
  try {
    renameSync(path, aside);
    if (isSame(stale, lstatSync(aside, { bigint: true }))) return;
    linkSync(aside, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return; // another one removed it first
    throw unusable(path, messageOf(cause), cause);
  } finally {
    rmSync(aside, { force: true });
  }
  throw owned(path);
}

/** Inodes are given out again, so the time of making counts too; neither a new mode nor a new name changes it. */
function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino && one.mtimeNs === other.mtimeNs;
}

/** True when a process listens at the socket: also one that is too busy to accept, or that we may not talk to. */
async function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.setTimeout(ASK_TIMEOUT_MS, () => resolve(true));
  socket.once('connect', () => resolve(true));
  socket.once('error', (error: NodeJS.ErrnoException) =>
    resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
  );
  return promise.finally(() => socket.destroy());
}

function statOf(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false, bigint: true }) ?? null;
  } catch (cause) {
    throw unusable(path, messageOf(cause), cause);
  }
}

function owned(path: string): SidecarError {
  return new SidecarError(
    'PORT_IN_USE',
    `Another daemon owns the admin socket ${path}. Stop it first, or take another path.`,
  );
}

function unusable(path: string, why: string, cause?: unknown): SidecarError {
  return new SidecarError('UNAVAILABLE', `The admin socket ${path} cannot be opened: ${why}.`, { cause });
}
