import { lookup } from 'node:dns/promises';
import { createServer, isIP } from 'node:net';
import { messageOf, SidecarError } from '../core/errors.ts';

/**
 * The addresses behind a host name, IPv4 first: "localhost" means both loopbacks, and which one a client tries is up
 * to the client.
 *
 * @throws SidecarError UNAVAILABLE when the name has no address: a network that comes up later may know it
 */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true });
    const addresses = found.sort((a, b) => a.family - b.family).map((entry) => entry.address);
    return [...new Set(addresses)];
  } catch (cause) {
    throw new SidecarError(
      'UNAVAILABLE',
      `server.host: "${host}" is no address of this machine (${messageOf(cause)}); set 127.0.0.1 or an IP address.`,
      { cause },
    );
  }
}

/**
 * Why listening failed: the library only says that it did, so the same is tried with Node.
 *
 * @returns PORT_IN_USE, CONFIG_INVALID (not allowed), or UNAVAILABLE (no such address yet, or it would work by now)
 */
export async function explainListenFailure(address: string, port: number): Promise<SidecarError> {
  const place = showAddress(address, port);
  const cause = await tryListening(address, port);
  if (cause === null) return new SidecarError('UNAVAILABLE', `${place} was taken for a moment; start again.`);
  if (cause.code === 'EADDRINUSE') {
    const hint = `see who it is with: ss -ltnp 'sport = :${port}'; stop it, or set server.port (SIDECAR_PORT)`;
    return new SidecarError('PORT_IN_USE', `Another program listens on ${place}; ${hint}.`, { cause });
  }
  const code = cause.code === 'EADDRNOTAVAIL' ? 'UNAVAILABLE' : 'CONFIG_INVALID'; // the address may come with the network
  const remedy =
    cause.code === 'EACCES'
      ? 'ports below 1024 need a privilege; set server.port to a higher one'
      : 'set server.host to an address of this machine, for example 127.0.0.1';
  return new SidecarError(code, `Can't listen on ${place} (${cause.message}): ${remedy}.`, { cause });
}

/** Listens for a moment; null when that works, else the system's error. */
export function tryListening(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(null)));
  });
}

/** host:port, with the brackets that IPv6 needs. */
export function showAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
