import type { Config } from './schema.ts';

/** What is allowed but should not go unnoticed, one sentence each. */
export function listWarnings(config: Config): string[] {
  const warnings: string[] = [...listExposures(config)];
  if (config.backend.kind === 'stub') {
    warnings.push('backend.kind is stub: all answers are invented. Use it only to test clients.');
  }
  if (config.inference.deadline_ms >= 45) {
    warnings.push(
      `inference.deadline_ms is ${config.inference.deadline_ms}: EdgeInfer gives up after 45 ms, so later answers are computed for nobody.`,
    );
  }
  return warnings;
}

function listExposures({ server, security }: Config): string[] {
  const { host } = server;
  const isEncrypted = security.tls_certificate !== null;
  if (isLoopback(host)) return [];
  if (security.token_credential === null) {
    const how = isEncrypted ? 'without a token' : 'without a token and unencrypted';
    return [
      `server.host is ${host}: everybody who can reach this address can use the daemon, ${how}. Use 127.0.0.1, or let a firewall decide who may connect.`,
    ];
  }
  if (isEncrypted) return [];
  return [
    `server.host is ${host}, and there is no TLS: the token travels in clear text, and whoever reads it can use it. Set security.tls_certificate and tls_key, or put a proxy with TLS in front.`,
  ];
}

/** Whether only this machine can connect to that address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host);
}
