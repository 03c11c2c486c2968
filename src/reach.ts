import { accessSync, constants } from 'node:fs';
import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { StreamReach } from './cli/feed-reach.ts';
import type { Asked } from './cli/selftest.ts';
import { loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { SidecarError } from './core/errors.ts';
import { showAddress } from './http/listen.ts';
import { readCertificate } from './system/certificate.ts';
import { readToken } from './system/credential.ts';
import { openWebSocket, UpgradeRefused } from './system/websocket.ts';

export interface ReachOptions {
  /** A file that holds the token; null: the service's credential, where this user may read it. */
  readonly tokenFile: string | null;
  readonly env: NodeJS.ProcessEnv;
  /** Where /run is; / but in tests. */
  readonly root?: string;
}

interface Target {
  readonly place: string;
  /** Of node:http, or node:https when it is secure. */
  readonly options: RequestOptions;
  readonly isSecure: boolean;
  token(): string | null;
}

const TIMEOUT_MS = 5000;

/** The daemon at the URL, or where that is null the one of the configuration at `path`; null for the default places. */
export function reachNamed(
  url: string | null,
  path: string | null,
  { tokenFile, env }: Pick<ReachOptions, 'tokenFile' | 'env'>,
): StreamReach {
  if (url !== null) return reachUrl(url, { tokenFile });
  return reachConfigured(loadConfig({ path, env }).config, { tokenFile, env });
}

/** The daemon of a configuration: by its Unix socket, which asks for nothing, where this user may; else by its port. */
export function reachConfigured(config: Config, options: ReachOptions): StreamReach {
  const { unix_socket: socketPath } = config.server;
  if (socketPath === null || !mayConnect(socketPath)) return reachPort(config, options);
  return toReach({ place: socketPath, options: { socketPath }, isSecure: false, token: () => null });
}

/** By its port alone. Only the very certificate of the configuration is trusted, whatever name it has. */
export function reachPort({ server, security }: Config, options: ReachOptions): StreamReach {
  const { tls_certificate: certificate, token_credential: name } = security;
  const host = LOCAL[server.host] ?? server.host;
  const isSecure = certificate !== null;
  return toReach({
    place: `${isSecure ? 'https' : 'http'}://${showAddress(host, server.port)}`,
    options: { host, port: server.port, ...(certificate !== null && trustOnly(certificate)) },
    isSecure,
    token: () => findToken(name, options),
  });
}

/** Any daemon, with the certificates that this machine trusts. */
export function reachUrl(url: string, { tokenFile }: Pick<ReachOptions, 'tokenFile'>): StreamReach {
  const { protocol, hostname, port, pathname } = parseUrl(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const options = { host, ...(port !== '' && { port }), path: pathname.replace(/\/+$/, '') };
  const token = () => (tokenFile === null ? null : readTokenFile(tokenFile));
  return toReach({ place: url.replace(/\/+$/, ''), options, isSecure: protocol === 'https:', token });
}

/** An address that means all addresses means this machine to who connects. */
const LOCAL: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new SidecarError('USAGE', `"${url}" is no URL of a daemon; it looks like http://127.0.0.1:9000.`);
}

function mayConnect(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function trustOnly(path: string): object {
  const { pem, fingerprint } = readCertificate(path);
  const checkServerIdentity = (_host: string, { fingerprint256 }: { fingerprint256: string }) =>
    fingerprint256 === fingerprint ? undefined : new Error(`the daemon shows another certificate than ${path}`);
  return { ca: pem, allowPartialTrustChain: true, checkServerIdentity };
}

function readTokenFile(path: string): string {
  return readToken(path, `--token-file is ${path}`);
}

/** Null where no token is asked for, or this user may not read it. */
function findToken(name: string | null, { tokenFile, env, root = '/' }: ReachOptions): string | null {
  if (tokenFile !== null) return readTokenFile(tokenFile);
  if (name === null) return null;
  const service = join(root, 'run/credentials/hailo-tcn-sidecar.service');
  for (const directory of [env.CREDENTIALS_DIRECTORY, service]) {
    try {
      if (directory) return readToken(join(directory, name), '');
    } catch {} // then nobody has handed it to this user
  }
  return null;
}

function toReach(target: Target): StreamReach {
  return {
    place: target.place,
    ask: async (path, asked = {}) => {
      const token = target.token();
      const response = await send(target, path, asked, token);
      if (response.status !== 401) return response;
      throw unauthorized(target, token);
    },
    connect: async (path, protocol, listener, signal) => {
      const token = target.token();
      try {
        return await openWebSocket({ ...toSocketTarget(target, path), protocol, token, signal }, listener);
      } catch (thrown) {
        if (thrown instanceof UpgradeRefused && thrown.status === 401) throw unauthorized(target, token);
        throw thrown;
      }
    },
  };
}

/** The same place and the same trust as for a request. */
function toSocketTarget({ place, options, isSecure }: Target, path: string) {
  const { socketPath = null, host, port, path: prefix, ...tls } = options;
  const base = socketPath === null ? place.replace(/^http/, 'ws') : 'ws://localhost';
  return { url: `${base}${path}`, unixPath: socketPath, tls: isSecure ? tls : {}, timeoutMs: TIMEOUT_MS };
}

function unauthorized({ place }: Target, token: string | null): SidecarError {
  return new SidecarError('UNAUTHORIZED', `${place} ${token === null ? NO_TOKEN : WRONG_TOKEN}`);
}

const REMEDY = 'run it with sudo, or name the file that holds it with --token-file FILE.';
const NO_TOKEN = `asks for a token, and this user may not read the service's: ${REMEDY}`;
const WRONG_TOKEN = `asks for another token than the one that was found: restart the service if it was changed, ${REMEDY}`;

async function send(target: Target, path: string, asked: Asked, token: string | null): Promise<Response> {
  const { method = 'GET', body = '', headers = {}, timeoutMs = TIMEOUT_MS } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = {
    ...target.options,
    method,
    path: (target.options.path ?? '') + path,
    headers: {
      ...headers,
      'content-length': Buffer.byteLength(body),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
  };
  const outgoing = (target.isSecure ? secureRequest : plainRequest)(options, resolve);
  outgoing.on('error', reject);
  outgoing.end(body);
  const incoming = await promise;
  const received = Object.entries(incoming.headersDistinct).map(([name, values]) => [name, String(values)]);
  return new Response(new Uint8Array(await buffer(incoming)), {
    status: incoming.statusCode ?? 0,
    headers: received as [string, string][],
  });
}
