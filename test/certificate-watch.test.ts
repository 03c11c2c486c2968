import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { watchCertificate } from '../src/certificate-watch.ts';
import { type CertificatePair, readCertificatePair } from '../src/system/certificate.ts';
import { createLines } from './admin/admin-socket.ts';
import { type CertificateFixture, makeCertificate, whyNoOpenssl } from './fixtures/certificate.ts';
import { eventually } from './http/serving.ts';

const skip = whyNoOpenssl();

/** "first" in force, by way of links as certbot leaves them, and "second" ready. */
function setUp(t: Test, now = () => 0, fault: { message: string } | null = null) {
  const directory = t.testdir();
  const made = {
    first: makeCertificate(directory, 'first'),
    second: makeCertificate(directory, 'second', { days: 1 }),
  };
  mkdirSync(join(directory, 'live'));
  const paths = { certificate: join(directory, 'live/fullchain.pem'), key: join(directory, 'live/privkey.pem') };
  const link = (which: keyof CertificateFixture, from: CertificateFixture) => {
    symlinkSync(from[which], `${paths[which]}.new`);
    renameSync(`${paths[which]}.new`, paths[which]);
  };
  link('certificate', made.first);
  link('key', made.first);
  const used: CertificatePair[] = [];
  const { lines, log } = createLines();
  const use = (pair: CertificatePair) => {
    if (fault !== null) throw new Error(fault.message);
    used.push(pair);
  };
  const watch = watchCertificate({ first: readCertificatePair(paths), use, log, now, intervalMs: 5 });
  t.teardown(watch.stop);
  const said = () => lines.map(({ level, message }) => `${level} ${message}`);
  return { ...made, paths, link, used, said, watch };
}

const looks = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 10));

t.test('a renewed pair is taken over by itself, once', { skip }, async (t) => {
  const { used, said, watch, link, second } = setUp(t);
  await looks(4);
  t.same([used.length, said()], [0, []], 'nothing is done where nothing has changed');
  link('certificate', second);
  link('key', second);
  await eventually(() => used.length > 0);
  await looks(4);
  t.equal(used.length, 1);
  t.equal(watch.inForce.digest, used[0]?.digest);
  t.match(said().at(-1), /^info TLS certificate reloaded: .*fullchain\.pem is in force.* valid until \w/);
});

t.test('another date of the same content is nothing new', { skip }, async (t) => {
  const { used, said, paths, first } = setUp(t);
  copyFileSync(first.key, `${paths.key}.copy`);
  renameSync(`${paths.key}.copy`, paths.key);
  await looks(4);
  t.same([used.length, said()], [0, []]);
});

t.test('half a renewal keeps the old one in force, is told once, and ends with its other half', { skip }, async (t) => {
  const { used, said, link, second } = setUp(t);
  link('certificate', second);
  await eventually(() => said().length > 0);
  await looks(6);
  t.match(said(), [/^error TLS certificate not reloaded, the one in force stays: .*privkey\.pem is not the key of/]);
  t.equal(used.length, 0);
  link('key', second);
  await eventually(() => used.length === 1);
  t.equal(said().length, 2);
});

t.test('what is no certificate, or away, is told each for itself, and mends', { skip }, async (t) => {
  const { used, said, watch, paths, link, second } = setUp(t);
  rmSync(paths.certificate);
  writeFileSync(paths.certificate, '-----BEGIN CERTIFICATE-----\nMIIB');
  await eventually(() => said().length === 1);
  rmSync(paths.key);
  rmSync(paths.certificate);
  await eventually(() => said().length === 2);
  t.match(said(), [/is no PEM certificate/, /cannot be read.*ENOENT.*install -o/]);
  watch.check();
  t.equal(said().length, 3, 'who asks is told again');
  link('certificate', second);
  link('key', second);
  await eventually(() => used.length === 1);
});

t.test('what the library refuses is tried again without another change of the files', { skip }, async (t) => {
  const fault = { message: 'no room' };
  let tried = 0;
  const { said, link, second, watch } = setUp(t, undefined, {
    get message() {
      tried += 1;
      return fault.message;
    },
  });
  link('certificate', second);
  link('key', second);
  await eventually(() => tried > 4);
  t.match(said(), [/not reloaded, the one in force stays: no room$/]);
  t.not(watch.inForce.certificate, second.certificate);
});

t.test('one that has expired does not replace one that has not', { skip }, async (t) => {
  const { said, used, watch, link, second } = setUp(t, () => watch.inForce.expiresAtMs - 1);
  link('certificate', second);
  link('key', second);
  await eventually(() => said().length > 0);
  t.match(said(), [/the one in force stays: .*fullchain\.pem was replaced by one that has expired on/]);
  t.equal(used.length, 0);
});

t.test('a look that is asked for takes a renewed pair at once', { skip }, async (t) => {
  const { used, watch, link, second } = setUp(t);
  link('certificate', second);
  link('key', second);
  watch.check();
  t.equal(used.length, 1);
});
