import { chmodSync } from 'node:fs';
import t, { type Test } from 'tap';
import { toConfig } from '../src/config/keys.ts';
import { checkAccess } from '../src/doctor-access.ts';
import { makeCertificate, whyNoOpenssl } from './fixtures/certificate.ts';

const skip = whyNoOpenssl();

function check(keys: Record<string, string | boolean>, shown: string | null = null, now?: () => number) {
  const config = () => toConfig(new Map(Object.entries(keys)));
  return checkAccess({ config, ask: () => shown, ...(now && { now }) });
}

const secure = (t: Test) => {
  const { certificate, key } = makeCertificate(t.testdir(), 'a', { days: 30 });
  return { 'security.tls_certificate': certificate, 'security.tls_key': key };
};

t.test('who may ask is told in one line', { skip }, async (t) => {
  t.same(check({}), { state: 'ok', text: 'programs on this machine, no token, no TLS' });
  const open = { 'server.host': '0.0.0.0', 'security.token_credential': 'api-token', ...secure(t) };
  t.match(check({ ...open, 'server.unix_socket': '/run/x.sock' }), {
    state: 'ok',
    text: /^whoever reaches 0\.0\.0\.0, a token \(api-token\), TLS until \w.*, \/run\/x\.sock \(0660\)$/,
  });
});

t.test('a unit that hands in no such credential cannot start', async (t) => {
  const keys = { 'security.token_credential': 'api-token' };
  const shown = 'LoadState=loaded\nLoadCredential=other:/etc/other\n';
  t.match(check(keys, shown), { state: 'failed', fix: /no credential api-token.*credentials\.conf/ });
  t.match(check(keys, shown.replace('other:', 'api-token:')), { state: 'ok' });
  for (const near of ['my-api-token:/etc/x', 'api-token.old:/etc/x', 'other:/etc/api-token', 'apiXtoken:/etc/x'])
    t.match(check(keys, `LoadState=loaded\nLoadCredential=${near}\n`), { state: 'failed' }, near);
  const several = 'LoadState=loaded\nLoadCredential=other:/etc/x api-token:/etc/y\nSetCredential=\n';
  t.match(check(keys, several), { state: 'ok' });
  t.match(check(keys, 'LoadState=not-found\n'), { state: 'ok' });
});

t.test('a certificate that ends soon, or does not work, is told', { skip }, async (t) => {
  const keys = secure(t);
  const later = (days: number) => () => Date.now() + days * 86_400_000;
  t.match(check(keys, null, later(20)), { state: 'warning', text: /in 9 days/, fix: /Renew .*a\.crt/ });
  t.match(check(keys, null, later(40)), { state: 'warning', text: /is over/ });
  const other = { 'security.tls_certificate': keys['security.tls_key'] };
  t.match(check({ ...keys, ...other }), { state: 'failed', fix: /a\.key is no PEM certificate/ });
});

t.test('a key that only the service may read is no fault', { skip: skip || isRoot() }, async (t) => {
  const keys = secure(t);
  chmodSync(keys['security.tls_key'], 0);
  t.match(check(keys), { state: 'ok', text: /TLS until/ });
});

function isRoot(): string | false {
  return process.getuid?.() === 0 ? 'root may read everything' : false;
}
