import t from 'tap';
import { toConfig } from '../../src/config/keys.ts';
import { publicView } from '../../src/config/public-view.ts';

t.test('the view shows the settings, and of security only what is set', async (t) => {
  const config = toConfig(
    new Map<string, string | string[]>([
      ['security.tls_key', '/etc/secret/key.pem'],
      ['security.token_credential', 'my-token'],
      ['model.trusted_keys', [`ed25519:${'A'.repeat(43)}=`]],
    ]),
  );
  const view = publicView(config);
  t.match(view, {
    server: { port: 9000 },
    model: { trusted_keys: ['set'] },
    security: { tls_key: 'set', token_credential: 'set', tls_certificate: null, insecure: false },
  });
  t.notMatch(JSON.stringify(view), /key\.pem|my-token|AAAA/);
  t.equal(config.security.tls_key, '/etc/secret/key.pem', 'the configuration itself is untouched');
});
