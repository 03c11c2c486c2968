import type * as uWebSockets from 'uWebSockets.js';
import type { ListenOptions, TemplatedApp, us_listen_socket, us_socket, us_socket_context_t } from 'uWebSockets.js';

declare module 'uWebSockets.js' {
  interface TemplatedApp {
    /** The binary takes host and options together; the shipped types don't know. */
    listen(
      host: string,
      port: number,
      options: ListenOptions,
      cb: (listenSocket: us_listen_socket | false) => void,
    ): TemplatedApp;
    /** Unknown to the shipped types, too: an app that has child apps hands them the connections that it accepts. */
    getDescriptor(): number;
    addChildAppDescriptor(descriptor: number): TemplatedApp;
    removeChildAppDescriptor(descriptor: number): TemplatedApp;
  }
}

export type { HttpRequest, HttpResponse, TemplatedApp, WebSocketBehavior } from 'uWebSockets.js';
/** The loaded library, as system/native hands it out. */
export type Uws = typeof uWebSockets;
export type ListenSocket = us_listen_socket;
/** To be handed back with an upgrade. */
export type UpgradeContext = us_socket_context_t;

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it a second daemon would silently share the port. */
const EXCLUSIVE = 1 as ListenOptions;

/** Null when it does not work; the library does not say why. */
export function listenExclusively(app: TemplatedApp, address: string, port: number): ListenSocket | null {
  let listening: us_listen_socket | false = false;
  app.listen(address, port, EXCLUSIVE, (socket) => {
    listening = socket; // called before listen() returns
  });
  return listening || null;
}

/** Deletes whatever lies at the path. Null when it does not work. */
export function listenAtPath(app: TemplatedApp, path: string): ListenSocket | null {
  let listening: us_listen_socket | false = false;
  app.listen_unix((socket) => {
    listening = socket;
  }, path);
  return listening || null;
}

export function portOf(uws: Uws, socket: ListenSocket): number {
  return uws.us_socket_local_port(socket as us_socket);
}
