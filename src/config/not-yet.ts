import { CONFIG_KEYS, isSameSetting, type Settings, settingOf } from './keys.ts';
import type { KeyProblem } from './rules.ts';

/** Keys that are valid but not built yet: serving without them would be less safe than the admin believes. Whoever builds one deletes its line here. */
export const NOT_YET_IN_FORCE: Readonly<Record<string, string>> = {
  'server.unix_socket': 'is not available in this version; remove it and let clients use the TCP port.',
  'security.token_credential':
    'is not available in this version: requests would be served without a token. Remove it and keep server.host on 127.0.0.1.',
  'security.tls_certificate':
    'is not available in this version: requests would be served unencrypted. Remove it, or put a TLS proxy in front.',
  'security.tls_key': 'is not available in this version; remove it together with security.tls_certificate.',
};

/** The keys set to something but their default that this version does not implement, in schema order. */
export function listNotYetInForce(settings: Settings): KeyProblem[] {
  return CONFIG_KEYS.flatMap((entry) => {
    const sentence = NOT_YET_IN_FORCE[entry.key];
    if (sentence === undefined || isSameSetting(settingOf(settings, entry.key), entry.default)) return [];
    return [{ key: entry.key, message: `${entry.key} ${sentence}` }];
  });
}
