import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import type { Reply } from '../../src/core/task.ts';
import type { HttpServer } from '../../src/http/server.ts';
import { RawClient } from '../fakes/raw-client.ts';
import { eventually, reply, route, serve } from './serving.ts';

/** Clients that ask and do not read, or read when they like: what they cost, and that they still get all of it. */
const MEGABYTE = 1 << 20;
const large = Buffer.alloc(30 * MEGABYTE, 'abcdefghijklmnopqrstuvwxyz');
const ROUTES = [
  route('/large', () => reply(large)),
  route('/text', () => reply('ü'.repeat(5 * MEGABYTE))),
  route('/small', () => reply('small')),
];
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
const heldMb = () => process.memoryUsage().rss / MEGABYTE;

async function open(t: Test, url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** All that comes until there are so many bytes, in small bites. */
async function readSlowly(socket: Socket, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of socket) {
    pieces.push(piece as Buffer);
    length += (piece as Buffer).length;
    if (length >= bytes) break;
    if (pieces.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return Buffer.concat(pieces);
}

t.test('a large reply reaches a slow reader whole, bytes and text', async (t) => {
  const { url, records } = await serve(t, ROUTES);
  for (const [path, body] of [
    ['/large', large],
    ['/text', Buffer.from('ü'.repeat(5 * MEGABYTE))],
  ] as const) {
    const socket = await open(t, url);
    socket.write(get(path));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const seen = await readSlowly(socket, body.length);
    const from = seen.indexOf('\r\n\r\n') + 4;
    t.ok(seen.subarray(from).equals(body), path);
    socket.destroy();
  }
  t.same(
    records.map(({ route, status, aborted }) => [route, status, aborted]),
    [
      ['/large', 200, false],
      ['/text', 200, false],
    ],
  );
});

for (const [when, stop] of [
  ['is being sent', (server: HttpServer) => server.drain()],
  ['is given afterwards', (server: HttpServer) => server.drain()],
  ['is given while the balancers are waited for', (server: HttpServer) => server.closeWithReplies()],
] as const) {
  t.test(`a stop does not cut a large reply short that ${when}`, async (t) => {
    const given = Promise.withResolvers<Reply>();
    const { url, server } = await serve(t, [route('/batch', () => given.promise, { kind: 'inference' })]);
    const socket = await open(t, url);
    socket.write(get('/batch'));
    await eventually(() => server.inFlight === 1);
    if (when === 'is being sent') given.resolve(reply(large));
    await new Promise((resolve) => setTimeout(resolve, 50));
    void stop(server);
    given.resolve(reply(large));
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.equal(server.inFlight, 1, 'it is not out');
    void server.drain().then(() => server.close());
    const seen = await readSlowly(socket, Number.POSITIVE_INFINITY);
    t.ok(seen.subarray(seen.indexOf('\r\n\r\n') + 4).equals(large), `${seen.length} bytes`);
    if (when !== 'is being sent') t.match(seen.toString('latin1', 0, 300), /connection: close\r\n/i);
  });
}

t.test('a stop does not wait for a client who leaves without his reply', async (t) => {
  const { url, server, records } = await serve(t, ROUTES);
  const socket = await open(t, url);
  socket.pause();
  socket.write(get('/large'));
  await eventually(() => records.length === 1);
  t.equal(server.inFlight, 1);
  const drained = server.drain();
  socket.destroy();
  await drained;
  t.equal(server.inFlight, 0);
  t.equal(records.length, 1);
});

t.test('the connection goes on after a large reply', async (t) => {
  const { port } = await serve(t, ROUTES);
  const client = await RawClient.open({ port });
  t.teardown(() => client.close());
  for (let i = 0; i < 3; i++) t.equal((await client.ask(Buffer.from(get('/large')))).body.length, large.length);
  t.equal(String((await client.ask(Buffer.from(get('/small')))).body), 'small');
});

t.test('who asks on and on and reads nothing is left alone, and what he asked for is not kept', async (t) => {
  const { url } = await serve(t, ROUTES);
  const before = heldMb();
  const socket = await open(t, url);
  socket.pause();
  for (let i = 0; i < 50 && !socket.destroyed; i++) {
    socket.write(get('/large'));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const grownMb = heldMb() - before;
  t.ok(grownMb < 300, `50 replies of 30 MB, grown by ${grownMb.toFixed(0)} MB`);
  t.equal(await (await fetch(`${url}/small`)).text(), 'small');
});

t.test('thousands of requests in one piece keep nobody waiting', async (t) => {
  let handled = 0;
  const { url } = await serve(t, [
    ...ROUTES,
    route('/busy', () => {
      handled += 1;
      for (const until = performance.now() + 1; performance.now() < until; );
      return reply('done');
    }),
  ]);
  const flood = await open(t, url);
  flood.write(get('/busy').repeat(3000));
  const from = performance.now();
  t.equal(await (await fetch(`${url}/small`)).text(), 'small');
  const waitedMs = performance.now() - from;
  t.ok(waitedMs < 500, `waited ${waitedMs.toFixed(0)} ms`);
  t.ok(handled < 50, `${handled} of 3000 were handled before the connection was closed`);
});

t.test('a few in one piece are answered, in order', async (t) => {
  const { url } = await serve(t, ROUTES);
  const socket = await open(t, url);
  socket.write([get('/small'), get('/nowhere'), get('/small')].join(''));
  let seen = '';
  while (seen.match(/HTTP\/1\.1/g)?.length !== 3) seen += String(await once(socket, 'data'));
  t.same(
    [...seen.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '404', '200'],
  );
});

t.test('many clients at once are all answered, though the turn is full', async (t) => {
  const { url, records } = await serve(t, ROUTES, { limits: { maxBodyBytes: 1000, maxConnections: 200 } });
  const replies = await Promise.all(Array.from({ length: 100 }, async () => (await fetch(`${url}/small`)).text()));
  t.same(new Set(replies), new Set(['small']));
  t.equal(records.length, 100, 'each of them once');
});
