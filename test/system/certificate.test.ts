import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readCertificatePair, stampOf } from '../../src/system/certificate.ts';
import { makeCertificate, whyNoOpenssl } from '../fixtures/certificate.ts';

const skip = whyNoOpenssl();

t.test('a pair that belongs together tells its dates and its fingerprint', { skip }, async (t) => {
  const files = makeCertificate(t.testdir(), 'a');
  const pair = readCertificatePair(files);
  const shown = execFileSync('openssl', ['x509', '-in', files.certificate, '-noout', '-fingerprint', '-sha256']);
  t.equal(pair.fingerprint, String(shown).trim().split('=')[1]);
  t.equal(pair.expiresAtMs - pair.startsAtMs, 2 * 86_400_000);
});

t.test('another content has another digest, another file another stamp', { skip }, async (t) => {
  const files = makeCertificate(t.testdir(), 'a');
  const [before, stamp] = [readCertificatePair(files).digest, stampOf(files)];
  t.equal(stampOf(files), stamp);
  appendFileSync(files.certificate, '\n');
  t.not(readCertificatePair(files).digest, before);
  t.not(stampOf(files), stamp);
  t.match(stampOf({ certificate: '/none', key: '/none' }), /ENOENT/);
});

t.test('what cannot be used is told with its path and what to do', { skip }, async (t) => {
  const directory = t.testdir();
  const a = makeCertificate(directory, 'a');
  const b = makeCertificate(directory, 'b');
  const junk = join(directory, 'junk');
  const locked = join(directory, 'locked.key');
  const backwards = join(directory, 'backwards.pem');
  writeFileSync(junk, 'no PEM');
  execFileSync('openssl', ['pkey', '-in', a.key, '-aes256', '-passout', 'pass:x', '-out', locked]);
  writeFileSync(backwards, readFileSync(b.certificate, 'utf8') + readFileSync(a.certificate, 'utf8'));
  const cases: readonly [certificate: string, key: string, message: RegExp][] = [
    [a.certificate, b.key, /tls_key: .*b\.key is not the key of the first certificate in .*a\.crt/],
    [backwards, a.key, /the server's own must come first/],
    ['/none.crt', a.key, /tls_certificate: \/none\.crt cannot be read \(ENOENT.*install -o hailo-tcn-sidecar/],
    [a.certificate, '/none.key', /tls_key: \/none\.key cannot be read/],
    [junk, a.key, /tls_certificate: .*junk is no PEM certificate/],
    [a.key, a.key, /a\.key is no PEM certificate/],
    [a.certificate, junk, /tls_key: .*junk is no PEM private key/],
    [a.certificate, a.certificate, /a\.crt is no PEM private key/],
    [a.certificate, locked, /locked\.key is locked by a passphrase.*openssl pkey/],
  ];
  for (const [certificate, key, message] of cases)
    t.throws(() => readCertificatePair({ certificate, key }), { code: 'CONFIG_INVALID', message });
});
