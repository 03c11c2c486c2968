import { placeSocket, type SocketKind } from '../system/socket-file.ts';
import type { Listener } from './tcp-listener.ts';
import { type ListenSocket, listenAtPath, type TemplatedApp, type Uws } from './uws.ts';

export interface UnixListenerOptions {
  readonly uws: Uws;
  prepare(app: TemplatedApp): void;
  readonly path: string;
  /** Permissions of the socket, e.g. 0o660. */
  readonly mode: number;
}

const KIND: SocketKind = { what: 'Unix socket', key: 'server.unix_socket' };

/** Listens at the path with an app of its own. Throws PORT_IN_USE, UNAVAILABLE. */
export async function listenOnUnix({ uws, prepare, path, mode }: UnixListenerOptions): Promise<Listener> {
  const app = uws.App();
  prepare(app);
  let socket: ListenSocket | null = null;
  const bind = (aside: string) => {
    socket = listenAtPath(app, aside);
    return socket !== null;
  };
  const stop = () => {
    if (socket !== null) uws.us_listen_socket_close(socket);
    socket = null;
  };
  try {
    const remove = await placeSocket(path, mode, KIND, bind);
    // the file first: once nobody listens it is anybody's, and might be the successor's when it is removed
    const stopInOrder = () => {
      remove();
      stop();
    };
    return { stop: stopInOrder, close: () => void app.close() };
  } catch (thrown) {
    stop();
    throw thrown;
  }
}
