import type { Config } from './schema.ts';

/** What is allowed but should not go unnoticed, one sentence each. */
export function listWarnings(config: Config): string[] {
  const { host } = config.server;
  const warnings: string[] = [];
  if (!isLoopback(host)) {
    warnings.push(
      `server.host is ${host}: everybody who can reach this address can use the daemon, without a password and unencrypted. Use 127.0.0.1, or let a firewall decide who may connect.`,
    );
  }
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

/** Whether only this machine can connect to that address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host);
}
