import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { restWindow, startTestDaemon } from '../fakes/daemon.ts';

/** The bad input that issue and contract name, as bytes on a socket: a clear answer or a clean close, then the next client. */
const { url } = await startTestDaemon(t);
const port = Number(new URL(url).port);
const body = JSON.stringify({ x: restWindow() });

const post = (length: number | string, extra = '', path = '/infer') =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${extra}\r\n`;

interface Peer {
  readonly socket: Socket;
  /** All that came so far, as latin1. */
  said(): string;
  readonly closed: Promise<unknown>;
  until(pattern: RegExp): Promise<void>;
}

async function open(t: Test, options: { allowHalfOpen?: boolean } = {}): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  const closed = heard(socket, 'close');
  await once(socket, 'connect');
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  return { socket, said: () => text, closed, until };
}

/** As events.once, but a reset connection is no failure here. */
const heard = (socket: Socket, event: string) => new Promise((resolve) => socket.once(event, resolve));

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));

async function nextIsServed(t: Test): Promise<void> {
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  t.equal(response.status, 200, 'the next client is served');
}

t.test('a truncated body, then the client is gone: no answer, no harm', async (t) => {
  const peer = await open(t);
  peer.socket.end(post(body.length) + body.slice(0, 100));
  await peer.closed;
  t.same(statuses(peer.said()), []);
  await nextIsServed(t);
});

t.test('a body in many small pieces is put together', async (t) => {
  const peer = await open(t);
  peer.socket.setNoDelay(true);
  peer.socket.write(post(body.length));
  for (let i = 0; i < body.length; i += 97) {
    peer.socket.write(body.slice(i, i + 97));
    if (i % 970 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await peer.until(/\r\n\r\n\{"latent"/);
  t.same(statuses(peer.said()), [200]);
});

t.test('a chunked body is put together, too', async (t) => {
  const peer = await open(t);
  const half = body.length >> 1;
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  peer.socket.write('POST /infer HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  peer.socket.write(chunk(body.slice(0, half)));
  peer.socket.write(`${chunk(body.slice(half))}0\r\n\r\n`);
  await peer.until(/\r\n\r\n\{"latent"/);
  t.same(statuses(peer.said()), [200]);
});

for (const [what, head] of [
  ['two equal Content-Lengths', post(body.length, `content-length: ${body.length}\r\n`)],
  ['two Content-Lengths that differ', post(body.length, 'content-length: 5\r\n')],
  ['Content-Length and Transfer-Encoding', post(body.length, 'transfer-encoding: chunked\r\n')],
] as const) {
  t.test(`${what}: 400 or a close, never a second reading`, async (t) => {
    const peer = await open(t);
    peer.socket.write(head + body);
    await peer.closed;
    t.same(
      statuses(peer.said()).filter((status) => status !== 400),
      [],
    );
    await nextIsServed(t);
  });
}

t.test('pipelined requests are answered in order, each its own, or the connection is closed', async (t) => {
  const peer = await open(t);
  const paths = ['/infer', '/encode', '/infer', '/test', '/encode'];
  peer.socket.write(paths.map((path) => post(body.length, '', path) + body).join(''));
  const all = () => statuses(peer.said()).length === paths.length;
  while (!all() && !peer.socket.destroyed) await new Promise((resolve) => setTimeout(resolve, 5));
  const kinds = [...peer.said().matchAll(/\r\n\r\n\{"(latent|latent_embedding|test_status)"/g)].map(
    (match) => match[1],
  );
  const wanted = ['latent', 'latent_embedding', 'latent', 'test_status', 'latent_embedding'];
  t.same(kinds, wanted.slice(0, kinds.length), 'never swapped');
  t.ok(kinds.length === wanted.length || peer.socket.destroyed, 'never lost on an open connection');
  await nextIsServed(t);
});

t.test('a client that closes its half after the request', async (t) => {
  const peer = await open(t, { allowHalfOpen: true });
  peer.socket.end(post(body.length) + body);
  await peer.closed;
  t.same(
    statuses(peer.said()).filter((status) => status !== 200),
    [],
    'an answer or a clean close',
  );
  await nextIsServed(t);
});

t.test('a million brackets: 422, at once', async (t) => {
  for (const text of ['['.repeat(1_000_000), `{"x":${'['.repeat(900_000)}`, `{"x":${'{"a":'.repeat(150_000)}`]) {
    const response = await fetch(`${url}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    t.equal(response.status, 422);
    t.match(await response.json(), { detail: [{ type: 'json_invalid' }] });
  }
  await nextIsServed(t);
});

t.test('a body of a gibibyte is refused before it is sent, and costs no memory', async (t) => {
  const before = process.memoryUsage.rss();
  const peer = await open(t);
  peer.socket.write(post(2 ** 30));
  const piece = Buffer.alloc(1 << 20, 0x20);
  for (let sent = 0; sent < 2 ** 30 && !peer.socket.destroyed; sent += piece.length) {
    if (!peer.socket.write(piece)) await Promise.race([heard(peer.socket, 'drain'), peer.closed]);
  }
  await peer.closed;
  t.same(statuses(peer.said()), [413]);
  const grownMb = (process.memoryUsage.rss() - before) / 2 ** 20;
  t.ok(grownMb < 100, `grown by ${grownMb.toFixed(0)} MB`);
  await nextIsServed(t);
});

t.test('a chunked body that never ends is refused at the limit', async (t) => {
  const peer = await open(t);
  peer.socket.write('POST /infer HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  const piece = `10000\r\n${' '.repeat(65_536)}\r\n`;
  for (let i = 0; i < 200 && !peer.socket.destroyed; i++) {
    if (!peer.socket.write(piece)) await Promise.race([heard(peer.socket, 'drain'), peer.closed]);
  }
  if (!peer.socket.destroyed) peer.socket.write('0\r\n\r\n');
  await peer.closed;
  t.same(statuses(peer.said()), [413]);
  await nextIsServed(t);
});

t.test('a client that leaves while its window waits is not computed for', async (t) => {
  const peers = await Promise.all(Array.from({ length: 30 }, () => open(t)));
  for (const peer of peers) peer.socket.write(post(body.length) + body);
  for (const peer of peers) peer.socket.destroy();
  await nextIsServed(t);
});

t.test('garbage is answered by the library and harms nobody', async (t) => {
  const peer = await open(t);
  peer.socket.write('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n');
  await peer.closed;
  await nextIsServed(t);
});
