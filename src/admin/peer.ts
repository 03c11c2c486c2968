import type { Socket } from 'node:net';
import { messageOf, SidecarError } from '../core/errors.ts';

/** Who is at the other end of a Unix socket, as the kernel noted it when the connection was made. */
export interface Peer {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** The peer of an accepted connection; null when it cannot be told, and then nobody may be let in. */
export type PeerOf = (socket: Socket) => Peer | null;

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const UCRED_BYTES = 12;
/** What the kernel shows instead of a uid that this process's user namespace does not map: anybody may be behind it. */
const OVERFLOW_UID = 65534;

/**
 * Opens libc for asking after peers; throws NATIVE_MISSING when it cannot be used. `importKoffi` is a parameter for the
 * test of that.
 */
export async function openPeerOf(importKoffi = () => import('koffi')): Promise<PeerOf> {
  try {
    const { default: koffi } = await importKoffi();
    const getsockopt = koffi
      .load('libc.so.6')
      .func('int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)');
    return (socket) => readPeer(getsockopt, toDescriptor(socket));
  } catch (cause) {
    throw new SidecarError(
      'NATIVE_MISSING',
      `It cannot be told who commands the daemon, because libc cannot be asked (${messageOf(cause)}); no command is taken. Install the program anew.`,
      { cause },
    );
  }
}

/** root and the user of this process: who else could change the models anyway. */
export function toAllowedUids(ownUid: number): readonly number[] {
  return ownUid === OVERFLOW_UID ? [0] : [0, ownUid];
}

type Getsockopt = (fd: number, level: number, name: number, value: Buffer, length: number[]) => number;

function readPeer(getsockopt: Getsockopt, fd: number): Peer | null {
  if (fd < 0) return null;
  const credentials = Buffer.alloc(UCRED_BYTES);
  const length = [UCRED_BYTES];
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0 || length[0] !== UCRED_BYTES) return null;
  const [pid, uid, gid] = new Uint32Array(credentials.buffer, credentials.byteOffset, 3);
  return { pid: pid ?? 0, uid: uid ?? OVERFLOW_UID, gid: gid ?? OVERFLOW_UID };
}

/** Node has no public way to the descriptor of a socket; -1 when this one has none (any more). */
function toDescriptor(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}
