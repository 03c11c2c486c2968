import { DEFAULT_YAML_PATH } from './config/files.ts';
import type { LoadedConfig } from './config/load.ts';
import { isLoopback } from './config/warnings.ts';

/** Whether systemd runs this process: what is usual elsewhere is amiss there. */
export function isUnderSystemd(env: NodeJS.ProcessEnv): boolean {
  return env.INVOCATION_ID !== undefined;
}

/** A service without its YAML serves by the built-in defaults, which may not be what its administrator wants. */
export function whyNoFile({ path }: Pick<LoadedConfig, 'path'>, env: NodeJS.ProcessEnv): string | null {
  if (path !== null || !isUnderSystemd(env)) return null;
  return `There is no ${DEFAULT_YAML_PATH}: the built-in defaults are in force. "apt install --reinstall -o Dpkg::Options::=--force-confmiss hailo-tcn-sidecar" brings it back.`;
}

/** How to open the unit's filter. */
const REMEDY =
  'Copy /usr/share/hailo-tcn-sidecar/systemd/open-to-network.conf to /etc/systemd/system/hailo-tcn-sidecar.service.d/, then systemctl daemon-reload and restart; or set server.host to 127.0.0.1.';

/**
 * Why others cannot connect though the daemon listens for them; null when nothing is known to be in the way. The unit says by
 * SIDECAR_IP_FILTER what its IPAddressDeny= does, because a process cannot see it.
 */
export function whyUnreachable(host: string, env: NodeJS.ProcessEnv): string | null {
  if (isLoopback(host) || env.SIDECAR_IP_FILTER !== 'localhost') return null;
  return `server.host is ${host}, but the unit lets only this machine through (IPAddressDeny=): others wait in vain. ${REMEDY}`;
}

/** The same from what `systemctl show -p IPAddressDeny -p IPAddressAllow` says; for who is not run by the unit. */
export function whyFiltered(host: string, shown: string): string | null {
  const listOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(shown)?.[1]?.split(' ').filter(Boolean) ?? [];
  const isAny = (network: string) => network === '0.0.0.0/0' || network === '::/0';
  const isDenied = listOf('IPAddressDeny').some(isAny);
  const isOpened = listOf('IPAddressAllow').some((network) => !/^(127\.|::1)/.test(network));
  return isDenied && !isOpened ? whyUnreachable(host, { SIDECAR_IP_FILTER: 'localhost' }) : null;
}
