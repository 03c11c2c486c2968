import { type CertificateWatch, watchCertificate } from './certificate-watch.ts';
import type { Config } from './config/schema.ts';
import type { Log } from './core/log.ts';
import { createBearerGuard, type Guard } from './http/bearer.ts';
import { showAddress } from './http/listen.ts';
import type { HttpServer } from './http/server.ts';
import { type CertificatePair, readCertificatePair } from './system/certificate.ts';
import { type Environment, readTokenCredential } from './system/credential.ts';

/** Where clients reach the daemon. */
export interface Access {
  /** Of the TCP port, e.g. https://127.0.0.1:9000. */
  readonly url: string;
  /** Path of the Unix socket; null: none. */
  readonly socket: string | null;
  /** Null without TLS. */
  readonly certificate: CertificateWatch | null;
  close(): void;
}

export interface AccessParts {
  readonly config: Config;
  readonly keys: Keys;
  readonly server: HttpServer;
  readonly log: Log;
  /** Unix time in milliseconds. */
  now(): number;
}

/** What the doors need that is secret, or may be wrong. */
export interface Keys {
  /** Who may ask over TCP; null: everybody. */
  readonly guard: Guard | null;
  /** Null: no TLS. */
  readonly pair: CertificatePair | null;
}

/** Throws CONFIG_INVALID when something that the configuration names is not there, or cannot be used. */
export function readKeys({ security }: Config, env: Environment): Keys {
  const { token_credential: name, tls_certificate: certificate, tls_key: key } = security;
  return {
    guard: name === null ? null : createBearerGuard(readTokenCredential(name, env)),
    pair: certificate === null || key === null ? null : readCertificatePair({ certificate, key }),
  };
}

/** Opens every door of the configuration. */
export async function openAccess({ config, keys: { pair }, server, log, now }: AccessParts): Promise<Access> {
  const { host, port, unix_socket: socket, unix_socket_mode: mode } = config.server;
  if (pair !== null) tellDates(pair, log, now());
  const bound = await server.listen(host, port, pair);
  if (socket !== null) await server.listenAt(socket, Number.parseInt(mode, 8));
  const certificate = pair && watchCertificate({ first: pair, use: server.useCertificate, log, now });
  return {
    url: `${pair === null ? 'http' : 'https'}://${showAddress(bound.host, bound.port)}`,
    socket,
    certificate,
    close: () => certificate?.stop(),
  };
}

/** No reason not to serve: a machine without a battery starts with an old time, and clients look at the dates, too. */
function tellDates({ certificate, startsAtMs, expiresAtMs, expires }: CertificatePair, log: Log, nowMs: number): void {
  const isExpired = expiresAtMs <= nowMs;
  if (!isExpired && startsAtMs <= nowMs) return;
  const what = isExpired ? `has expired on ${expires}` : 'is not valid yet, or the clock of this machine is slow';
  log.error(
    {},
    `security.tls_certificate: ${certificate} ${what}: clients will refuse it. Renew it; it is taken over by itself.`,
  );
}
