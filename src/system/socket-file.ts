import { randomBytes } from 'node:crypto';
import { type BigIntStats, chmodSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';

/** sockaddr_un takes 107 bytes; the name for moving aside needs eight more than the socket's own. */
const PATH_LIMIT_BYTES = 99;
const ASK_TIMEOUT_MS = 2000;
/** Owner only. */
const UMASK = 0o177;
const WRITABLE = 'the daemon must be able to write there; its unit lets it write below /run/hailo-tcn-sidecar';

/** What a socket is for, in messages. */
export interface SocketKind {
  /** E.g. "admin socket". */
  readonly what: string;
  /** The key of the configuration that names its path. */
  readonly key: string;
}

/**
 * Makes `path` free for a socket. What a killed daemon left behind is removed; anything else stays.
 * Throws PORT_IN_USE when a daemon answers there, UNAVAILABLE when the place cannot be used.
 */
export async function freeSocketPath(path: string, kind: SocketKind): Promise<void> {
  if (Buffer.byteLength(path) > PATH_LIMIT_BYTES)
    throw unusable(
      path,
      kind,
      `the path is longer than the ${PATH_LIMIT_BYTES} bytes that a socket's may have; take another`,
    );
  if (!statOf(`${dirname(path)}/.`, kind)?.isDirectory())
    throw unusable(path, kind, `${dirname(path)} is no directory; under systemd RuntimeDirectory= makes it`);
  const there = statOf(path, kind);
  if (there === null) return;
  if (!there.isSocket())
    throw unusable(path, kind, 'something else than a socket has this name, and is not touched; move it away');
  await removeStale(path, there, kind);
}

/**
 * Puts a socket that `bind` makes at `path`, with its mode from the first moment, never in the place of another file.
 * `bind` is given another name beside it, because a library may delete what lies at the name that it is given; false: it
 * did not work.
 * Resolves to what removes the file. Throws as freeSocketPath does.
 */
export async function placeSocket(
  path: string,
  mode: number,
  kind: SocketKind,
  bind: (aside: string) => boolean,
): Promise<() => void> {
  await freeSocketPath(path, kind);
  const aside = nameBeside(path);
  try {
    if (!underUmask(() => bind(aside))) throw await whyNoSocket(aside);
    chmodSync(aside, mode);
    linkSync(aside, path); // fails where something is, unlike a rename
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw owned(path, kind);
    const hint = code === 'EACCES' || code === 'EROFS' ? `; ${WRITABLE}` : '';
    throw unusable(path, kind, `${messageOf(cause)}${hint}`, cause);
  } finally {
    rmSync(aside, { force: true });
  }
  const ours = statOf(path, kind);
  return () => removeOurs(path, ours);
}

/** Why nothing can be bound there: the same is tried with Node. */
function whyNoSocket(path: string): Promise<Error> {
  const { promise, resolve } = Promise.withResolvers<Error>();
  const probe = createServer();
  probe.once('error', resolve);
  probe.listen(path, () => probe.close(() => resolve(new Error('it did not work for a moment, start again'))));
  return promise;
}

/** Runs `bind` with sockets made for their owner only. */
export function underUmask<T>(bind: () => T): T {
  const umask = process.umask(UMASK);
  try {
    return bind();
  } finally {
    process.umask(umask);
  }
}

/** Only what was put there: somebody may have put something else in its place. What cannot be removed is found stale later. */
function removeOurs(path: string, ours: BigIntStats | null): void {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    if (there !== undefined && ours !== null && isSame(there, ours)) rmSync(path, { force: true });
  } catch {}
}

function nameBeside(path: string): string {
  return `${path}.${randomBytes(3).toString('hex')}`;
}

/**
 * A daemon that starts at the same time may put its socket here after the old one was asked. So what lies here is moved
 * aside, which only one can do, looked at there, and put back when it is not the one that was asked.
 */
async function removeStale(path: string, stale: BigIntStats, kind: SocketKind): Promise<void> {
  if (await isAnswered(path)) throw owned(path, kind);
  const aside = nameBeside(path);
  try {
    renameSync(path, aside);
    if (isSame(stale, lstatSync(aside, { bigint: true }))) return;
    linkSync(aside, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return; // another one removed it first
    throw unusable(path, kind, messageOf(cause), cause);
  } finally {
    rmSync(aside, { force: true });
  }
  throw owned(path, kind);
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

function statOf(path: string, kind: SocketKind): BigIntStats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false, bigint: true }) ?? null;
  } catch (cause) {
    throw unusable(path, kind, messageOf(cause), cause);
  }
}

export function owned(path: string, { what, key }: SocketKind): SidecarError {
  return new SidecarError(
    'PORT_IN_USE',
    `Another daemon owns the ${what} ${path}. Stop it first, or take another path (${key}).`,
  );
}

export function unusable(path: string, { what, key }: SocketKind, why: string, cause?: unknown): SidecarError {
  return new SidecarError('UNAVAILABLE', `The ${what} ${path} (${key}) cannot be opened: ${why}.`, { cause });
}
