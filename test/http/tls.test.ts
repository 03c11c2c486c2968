import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { createServer } from '../../src/http/server.ts';
import type { CertificateFiles } from '../../src/http/tcp-listener.ts';
import { makeCertificate, whyNoOpenssl } from '../fixtures/certificate.ts';
import { eventually, reply, route, uws } from './serving.ts';

const skip = whyNoOpenssl();
const peers = [route('/peer', (call) => reply(call.peer))];

async function serveTls(t: Test, files: CertificateFiles, maxConnections = 64) {
  let refused = 0;
  const server = createServer({
    uws,
    routes: peers,
    clock: () => performance.now(),
    limits: { maxBodyBytes: 1000, maxConnections },
    settings: () => ({ corsOrigins: [] }),
    onExchange: () => {},
    onConnectionRefused: () => {
      refused += 1;
    },
  });
  t.teardown(() => server.close());
  const { port } = await server.listen('127.0.0.1', 0, files);
  return { server, port, refused: () => refused };
}

/** Connected, and trusting whoever answers. */
async function open(t: Test, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

/** The body of /peer on this connection. */
async function ask(socket: TLSSocket): Promise<string> {
  let said = '';
  const hear = (chunk: Buffer) => (said += chunk);
  socket.on('data', hear);
  socket.write('GET /peer HTTP/1.1\r\nhost: x\r\n\r\n');
  const closed = once(socket, 'close').then(() => 'closed');
  while (!/\r\n\r\n.+$/s.test(said)) if ((await Promise.race([once(socket, 'data'), closed])) === 'closed') break;
  socket.off('data', hear);
  return said.split('\r\n\r\n')[1] ?? 'closed';
}

const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;

t.test('a certificate with its key serves, and calls tell the address of the client', { skip }, async (t) => {
  const directory = t.testdir();
  const { port, server } = await serveTls(t, makeCertificate(directory, 'first'));
  const socket = await open(t, port);
  t.same([nameOf(socket), await ask(socket), server.connections], ['first', '127.0.0.1', 1]);
});

t.test('RSA serves as well, and a chain behind the certificate', { skip }, async (t) => {
  const directory = t.testdir();
  const { certificate, key } = makeCertificate(directory, 'rsa', { newKey: ['rsa:2048'] });
  const other = makeCertificate(directory, 'authority');
  const chain = join(directory, 'chain.pem');
  writeFileSync(chain, readFileSync(certificate, 'utf8') + readFileSync(other.certificate, 'utf8'));
  const { port } = await serveTls(t, { certificate: chain, key });
  t.equal(nameOf(await open(t, port)), 'rsa');
});

t.test('TLS 1.2 and 1.3 are spoken, nothing older', { skip }, async (t) => {
  const { port } = await serveTls(t, makeCertificate(t.testdir(), 'a'));
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    t.equal((await open(t, port, { minVersion: version, maxVersion: version })).getProtocol(), version);
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
  await t.rejects(open(t, port, old), { code: /ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/ });
});

t.test('a client without TLS gets nothing, and is let go', { skip }, async (t) => {
  const { port, server } = await serveTls(t, makeCertificate(t.testdir(), 'a'));
  const socket = connectPlain(port, '127.0.0.1');
  let said = '';
  socket.on('data', (chunk) => (said += chunk.toString('latin1')));
  socket.write('GET /peer HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'close');
  t.notMatch(said, /HTTP/);
  await eventually(() => server.connections === 0);
});

t.test('connections over the limit are turned away before their handshake', { skip }, async (t) => {
  const { port, server, refused } = await serveTls(t, makeCertificate(t.testdir(), 'a'), 1);
  const first = await open(t, port);
  await t.rejects(open(t, port));
  t.same([refused(), server.connections], [1, 1]);
  first.destroy();
  await eventually(() => server.connections === 0);
  t.equal(await ask(await open(t, port)), '127.0.0.1');
});

t.test('a new certificate is for new connections, the others keep theirs and go on', { skip }, async (t) => {
  const directory = t.testdir();
  const { port, server } = await serveTls(t, makeCertificate(directory, 'first'));
  const old = await open(t, port);
  server.useCertificate(makeCertificate(directory, 'second'));
  const fresh = await open(t, port);
  t.same([nameOf(old), nameOf(fresh)], ['first', 'second']);
  t.same([await ask(old), await ask(fresh), server.connections], ['127.0.0.1', '127.0.0.1', 2]);
  old.destroy();
  await eventually(() => server.connections === 1);
  const closed = once(fresh, 'close');
  server.close();
  await closed;
});

t.test('files that the library does not take change nothing', { skip }, async (t) => {
  const directory = t.testdir();
  const first = makeCertificate(directory, 'first');
  const second = makeCertificate(directory, 'second');
  const { port, server } = await serveTls(t, first);
  const mixed = { certificate: second.certificate, key: first.key };
  t.throws(() => server.useCertificate(mixed), { code: 'CONFIG_INVALID', message: /second\.crt with .*first\.key/ });
  t.throws(() => server.useCertificate({ ...second, key: '/none' }), { code: 'CONFIG_INVALID' });
  t.equal(nameOf(await open(t, port)), 'first');
});

t.test('no connection fails while certificates are replaced', { skip }, async (t) => {
  const directory = t.testdir();
  const pairs = ['first', 'second'].map((name) => makeCertificate(directory, name));
  const { port, server } = await serveTls(t, pairs[0]!);
  const seen = new Map<string, number>();
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      const socket = await open(t, port);
      const name = nameOf(socket) as string;
      if ((await ask(socket)) !== '127.0.0.1') throw new Error('no answer');
      seen.set(name, (seen.get(name) ?? 0) + 1);
      socket.destroy();
    }
  };
  const clients = Promise.all(Array.from({ length: 4 }, client));
  for (let swap = 1; swap <= 100; swap++) {
    server.useCertificate(pairs[swap % 2]!);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  isOver = true;
  await t.resolves(clients);
  t.ok((seen.get('first') ?? 0) > 10 && (seen.get('second') ?? 0) > 10, JSON.stringify([...seen]));
});

t.test('who never ends the handshake is let go within seconds', { skip, timeout: 40_000 }, async (t) => {
  const { port, server } = await serveTls(t, makeCertificate(t.testdir(), 'a'));
  const silent = connectPlain(port, '127.0.0.1');
  const slow = connectPlain(port, '127.0.0.1');
  for (const socket of [silent, slow]) t.teardown(() => socket.destroy());
  slow.on('error', () => {});
  slow.write(Buffer.from([0x16, 3, 1, 2, 0, 1])); // the begin of a ClientHello
  const dripping = setInterval(() => slow.writable && slow.write(Buffer.alloc(1)), 500);
  t.teardown(() => clearInterval(dripping));
  await eventually(() => server.connections === 2);
  await Promise.all([once(silent, 'close'), once(slow, 'close')]);
  t.equal(server.connections, 0);
});
