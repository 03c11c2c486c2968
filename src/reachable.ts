import { isLoopback } from './config/warnings.ts';

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
