import { CONFIG_KEYS, isSameSetting, type Settings, settingOf } from './keys.ts';
import type { KeyProblem } from './rules.ts';

/** `refuse`: serving without it would be less safe than the admin believes. `warn`: it only has no effect. */
export interface NotYet {
  readonly action: 'refuse' | 'warn';
  readonly sentence: string;
}

const refuse = (sentence: string): NotYet => ({ action: 'refuse', sentence });
/** Keys that are valid but not built yet. Whoever builds one deletes its line here. */
export const NOT_YET_IN_FORCE: Readonly<Record<string, NotYet>> = {
  'server.unix_socket': refuse('is not available in this version; remove it and let clients use the TCP port.'),
  'model.trusted_keys': refuse(
    'is not available in this version: signatures would not be checked. Remove it, and install bundles only from sources you trust.',
  ),
  'admin.socket': { action: 'warn', sentence: 'has no effect in this version: there is no admin socket yet.' },
  'security.token_credential': refuse(
    'is not available in this version: requests would be served without a token. Remove it and keep server.host on 127.0.0.1.',
  ),
  'security.tls_certificate': refuse(
    'is not available in this version: requests would be served unencrypted. Remove it, or put a TLS proxy in front.',
  ),
  'security.tls_key': refuse('is not available in this version; remove it together with security.tls_certificate.'),
};

export interface NotYetSet extends KeyProblem {
  readonly action: 'refuse' | 'warn';
}

/** The keys set to something but their default that this version does not implement, in schema order. */
export function listNotYetInForce(settings: Settings): NotYetSet[] {
  return CONFIG_KEYS.flatMap((entry) => {
    const notYet = NOT_YET_IN_FORCE[entry.key];
    if (notYet === undefined || isSameSetting(settingOf(settings, entry.key), entry.default)) return [];
    return [{ key: entry.key, action: notYet.action, message: `${entry.key} ${notYet.sentence}` }];
  });
}
