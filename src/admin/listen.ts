import { chmodSync } from 'node:fs';
import type { Server } from 'node:net';
import { messageOf } from '../core/errors.ts';
import { freeSocketPath, owned, type SocketKind, underUmask, unusable } from '../system/socket-file.ts';

const ADMIN_SOCKET: SocketKind = { what: 'admin socket', key: 'admin.socket' };

/**
 * Listens at `path`, open for the owner only from the first moment.
 * Throws PORT_IN_USE when another daemon owns the path, UNAVAILABLE when it cannot be used.
 */
export async function listenAt(server: Server, path: string): Promise<void> {
  await freeSocketPath(path, ADMIN_SOCKET);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.once('listening', resolve);
  underUmask(() => server.listen(path)); // binds before it returns, so that the umask is needed for no longer
  try {
    await promise;
    chmodSync(path, 0o600);
  } catch (cause) {
    server.close();
    if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') throw owned(path, ADMIN_SOCKET);
    throw unusable(path, ADMIN_SOCKET, messageOf(cause), cause);
  } finally {
    server.off('error', reject);
  }
}
