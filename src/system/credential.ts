import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const MIN_CHARACTERS = 16;
/** The library takes heads of 4 kB, all headers together, and answers 431 to larger ones. */
const MAX_CHARACTERS = 1024;
const DROP_IN = '/usr/share/hailo-tcn-sidecar/systemd/credentials.conf';

/**
 * The token that systemd handed in as the credential `name`.
 * Throws CONFIG_INVALID with what to do; never with the token, or what was found instead of it.
 */
export function readTokenCredential(name: string, env: Environment): string {
  const setting = `security.token_credential is ${name}`;
  const directory = env.CREDENTIALS_DIRECTORY ?? '';
  if (directory !== '') return readToken(join(directory, name), setting);
  const how = `install the drop-in ${DROP_IN}, or start the daemon with CREDENTIALS_DIRECTORY=DIR and the token in DIR/${name}`;
  throw invalid(setting, `but no credentials were handed in ($CREDENTIALS_DIRECTORY is not set): ${how}`);
}

/** The token in a file that a setting names. Throws CONFIG_INVALID. */
export function readToken(path: string, setting: string): string {
  const token = read(path, setting).replace(/\r?\n$/, '');
  const fault = faultOf(token);
  if (fault === null) return token;
  const rule = `one line of ${MIN_CHARACTERS} to ${MAX_CHARACTERS} printable ASCII characters without spaces`;
  throw invalid(setting, `but ${fault}: ${path} must hold ${rule}; (umask 077; openssl rand -hex 32 > FILE) makes one`);
}

function faultOf(token: string): string | null {
  if (token === '') return 'the file is empty';
  if (token.length < MIN_CHARACTERS) return 'the token is too short to be safe';
  if (token.length > MAX_CHARACTERS) return 'the token is too long for a header';
  if (/^[\x21-\x7e]+$/.test(token)) return null;
  return 'the token has spaces, line ends or other characters that no header can carry';
}

function read(path: string, setting: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    const how = `hand it in by LoadCredential= of the unit (see ${DROP_IN}), and restart`;
    throw invalid(setting, `but it cannot be read (${messageOf(cause)}): ${how}`, cause);
  }
}

function invalid(setting: string, why: string, cause?: unknown): SidecarError {
  return new SidecarError('CONFIG_INVALID', `${setting}, ${why}.`, { cause });
}
