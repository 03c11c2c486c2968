import { SidecarError } from '../core/errors.ts';
import { explainListenFailure, resolveHost } from './listen.ts';
import { type ListenSocket, listenExclusively, portOf, type TemplatedApp, type Uws } from './uws.ts';

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** Paths of PEM files. */
export interface CertificateFiles {
  /** The server's own certificate first, then those that lead to the authority. */
  readonly certificate: string;
  readonly key: string;
}

/** Something that accepts connections and hands them to apps. */
export interface Listener {
  /** No new connections; those that are there go on. */
  stop(): void;
  /** Ends every connection. */
  close(): void;
}

export interface TcpListener extends Listener {
  readonly address: BoundAddress;
  /**
   * New connections get this certificate, those that are there keep theirs; none is refused meanwhile.
   *
   * @throws SidecarError CONFIG_INVALID when the library does not take the files; then nothing has changed
   */
  useCertificate(files: CertificateFiles): void;
}

export interface TcpListenerOptions {
  readonly uws: Uws;
  /** Makes an app answer. */
  prepare(app: TemplatedApp): void;
  readonly host: string;
  readonly port: number;
  /** null: no TLS. */
  readonly files: CertificateFiles | null;
}

/** Listens exclusively at every address of the host. Throws as HttpServer.listen says. */
export async function listenOnTcp(options: TcpListenerOptions): Promise<TcpListener> {
  const { uws, host, files } = options;
  const apps = files === null ? createPlainApp(options) : createTlsApps(options, files);
  const sockets: ListenSocket[] = [];
  const stop = () => {
    for (const socket of sockets.splice(0)) uws.us_listen_socket_close(socket);
  };
  try {
    const port = await listenEverywhere(options, apps.acceptor, sockets);
    return { ...apps, address: { host, port }, stop };
  } catch (thrown) {
    stop();
    throw thrown;
  }
}

async function listenEverywhere(
  { uws, host, port }: TcpListenerOptions,
  acceptor: TemplatedApp,
  sockets: ListenSocket[],
): Promise<number> {
  let bound = port;
  let failure: SidecarError | null = null;
  for (const address of await resolveHost(host)) {
    const socket = listenExclusively(acceptor, address, bound);
    if (socket !== null) {
      sockets.push(socket);
      bound = portOf(uws, socket);
      continue;
    }
    failure = await explainListenFailure(address, bound);
    if (failure.code !== 'CONFIG_INVALID') break;
  }
  // an address that the machine lacks (::1 without IPv6) is no reason to refuse the name's other one
  if (failure !== null && (sockets.length === 0 || failure.code !== 'CONFIG_INVALID')) throw failure;
  return bound;
}

interface Apps extends Pick<TcpListener, 'close' | 'useCertificate'> {
  readonly acceptor: TemplatedApp;
}

function createPlainApp({ uws, prepare }: TcpListenerOptions): Apps {
  const acceptor = uws.App();
  prepare(acceptor);
  const useCertificate = () => {
    throw new SidecarError('INTERNAL', 'A certificate for a listener without TLS.');
  };
  return { acceptor, close: () => void acceptor.close(), useCertificate };
}

/**
 * One app accepts for ever and answers nobody: it hands each connection, before its handshake, to the app that has the
 * certificate of the day. An app that was replaced serves its connections to their end; the library never frees it, which
 * costs about 100 kB.
 */
function createTlsApps({ uws, prepare }: TcpListenerOptions, first: CertificateFiles): Apps {
  const acceptor = createSecureApp(uws, first);
  const apps: TemplatedApp[] = [];
  const useCertificate = (files: CertificateFiles) => {
    const app = createSecureApp(uws, files);
    prepare(app);
    const replaced = apps.at(-1);
    acceptor.addChildAppDescriptor(app.getDescriptor());
    if (replaced !== undefined) acceptor.removeChildAppDescriptor(replaced.getDescriptor());
    apps.push(app);
  };
  useCertificate(first);
  const close = () => {
    for (const app of [acceptor, ...apps]) app.close();
  };
  return { acceptor, close, useCertificate };
}

function createSecureApp(uws: Uws, { certificate, key }: CertificateFiles): TemplatedApp {
  try {
    return uws.SSLApp({ cert_file_name: certificate, key_file_name: key }); // TLS 1.2 at least, the library sees to it
  } catch (cause) {
    const what = `The TLS library does not take ${certificate} with ${key}`;
    throw new SidecarError('CONFIG_INVALID', `${what}: use a pair of PEM files, ECDSA P-256 or RSA.`, { cause });
  }
}
