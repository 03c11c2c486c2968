import { accessSync, constants } from 'node:fs';
import type { Finding } from './cli/doctor.ts';
import type { Config } from './config/schema.ts';
import { isLoopback } from './config/warnings.ts';
import { messageOf } from './core/errors.ts';
import { unixTimeMs } from './system/boot.ts';
import { readCertificate, readCertificatePair } from './system/certificate.ts';

export interface AccessCheckParts {
  config(): Config;
  /** Standard output of a command, or null where it cannot be run. */
  ask(command: string, ...args: string[]): string | null;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
}

const DAY_MS = 86_400_000;
/** Who renews by himself has done so long before. */
const SOON_DAYS = 14;

/** Who may ask the daemon, and whether what that needs is there. */
export function checkAccess({ config, ask, now = unixTimeMs }: AccessCheckParts): Finding {
  const { server, security } = config();
  const found = [checkToken(security, ask), checkCertificate(security, now())];
  const who = isLoopback(server.host) ? 'programs on this machine' : `whoever reaches ${server.host}`;
  const door = server.unix_socket === null ? [] : [`${server.unix_socket} (${server.unix_socket_mode})`];
  return {
    state: (['failed', 'warning'] as const).find((state) => found.some((one) => one.state === state)) ?? 'ok',
    text: [who, ...found.map(({ text }) => text), ...door].join(', '),
    ...toFix(found),
  };
}

function toFix(found: readonly Finding[]): Pick<Finding, 'fix'> {
  const fixes = found.flatMap(({ fix }) => fix ?? []);
  return fixes.length === 0 ? {} : { fix: fixes.join(' ') };
}

/** The secret itself is the service's alone; whether its unit hands one in can be seen. */
function checkToken({ token_credential: name }: Config['security'], ask: AccessCheckParts['ask']): Finding {
  if (name === null) return { state: 'ok', text: 'no token' };
  const kinds = ['LoadCredential', 'LoadCredentialEncrypted', 'SetCredential', 'SetCredentialEncrypted'];
  const units = ['LoadState', ...kinds].flatMap((property) => ['-p', property]);
  const shown = ask('systemctl', 'show', 'hailo-tcn-sidecar.service', ...units);
  const isMissing = shown?.includes('LoadState=loaded') && !namesIn(shown).includes(name);
  if (!isMissing) return { state: 'ok', text: `a token (${name})` };
  const fix = `The unit hands in no credential ${name}: see /usr/share/hailo-tcn-sidecar/systemd/credentials.conf.`;
  return { state: 'failed', text: `a token (${name})`, fix };
}

/** What stands before the colon of each `name:where`. */
function namesIn(shown: string): readonly string[] {
  return shown.split(/[\s=]+/).map((word) => word.split(':', 1)[0]!);
}

function checkCertificate({ tls_certificate: certificate, tls_key: key }: Config['security'], nowMs: number): Finding {
  if (certificate === null || key === null) return { state: 'ok', text: 'no TLS' };
  try {
    const { expires, expiresAtMs } = isReadable(key)
      ? readCertificatePair({ certificate, key })
      : readCertificate(certificate);
    const text = `TLS until ${expires}`;
    const days = Math.floor((expiresAtMs - nowMs) / DAY_MS);
    if (days >= SOON_DAYS) return { state: 'ok', text };
    const fix = `Renew ${certificate}; the daemon takes it over by itself.`;
    return { state: 'warning', text: `${text}, which is ${days < 0 ? 'over' : `in ${days} days`}`, fix };
  } catch (thrown) {
    return { state: 'failed', text: 'TLS that does not work', fix: messageOf(thrown) };
  }
}

/** By this user, who is not the daemon's. */
function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'EACCES';
  }
}
