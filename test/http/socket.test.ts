import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createServer } from '../../src/http/server.ts';
import { makeCertificate, whyNoOpenssl } from '../fixtures/certificate.ts';
import { eventually, fill, serve, uws } from './serving.ts';
import { ask, closeOf, echo, frame, framesOf, listen, openSocket, openUpgraded } from './sockets.ts';

/** WebSockets of clients who behave. */
const MEGABYTE = 1 << 20;

t.test('texts and bytes come to the listener, and texts go out, in any script', async (t) => {
  const { route: stream, lines, links } = echo();
  const { url } = await serve(t, [], { sockets: [stream] });
  const socket = await openSocket(t, `${url}/stream`, { headers: { 'x-request-id': 'mine' } });
  for (const text of ['plain', 'müde', '日本', '😀', '']) t.equal(await ask(socket, text), text);
  socket.send(Buffer.from([1, 2, 255]));
  await eventually(() => lines.length === 6);
  t.same(lines, ['text plain', 'text müde', 'text 日本', 'text 😀', 'text ', 'binary 0102ff']);
  t.match(links, [{ peer: '127.0.0.1', requestId: 'mine', bufferedBytes: 0 }]);
});

t.test('a message of the longest length is taken, in pieces too, and one byte more closes with 1009', async (t) => {
  const { route: stream, lines } = listen({ maxMessageBytes: 100_000 });
  const { url } = await serve(t, [], { sockets: [stream] });
  const socket = await openSocket(t, `${url}/stream`);
  socket.send('a'.repeat(100_000));
  socket.send('b'.repeat(60_000), { fin: false });
  socket.send('b'.repeat(40_000));
  await eventually(() => lines.length === 2);
  t.same(
    lines.map((line) => line.length),
    [100_005, 100_005],
  );
  socket.send('c'.repeat(100_001));
  t.same(await closeOf(socket), [1009, 'BODY_TOO_LARGE: A message may have 100000 bytes.']);
  t.equal(lines.at(-1), 'closed 1009');
});

t.test(
  'the owner closes with a code and a reason that is cut to what fits, and nothing is sent after it',
  async (t) => {
    const { route: stream, lines, links } = listen();
    const { url, server } = await serve(t, [], { sockets: [stream] });
    const socket = await openSocket(t, `${url}/stream`);
    const messages: string[] = [];
    socket.on('message', (data) => messages.push(String(data)));
    const [link] = links;
    link!.send('before');
    link!.close(4001, `${'x'.repeat(122)}ü`);
    link!.send('after');
    link!.close(1000, '');
    link!.destroy();
    t.same(await closeOf(socket), [4001, 'x'.repeat(122)]);
    t.same([messages, lines], [['before'], ['closed 4001']]);
    await eventually(() => server.connections === 0);
    t.equal(server.inFlight, 0);
    t.equal(link!.bufferedBytes, 0);
  },
);

t.test('the listener hears once how it ended, whoever ended it', async (t) => {
  const { route: stream, lines, links } = listen();
  const { url, server } = await serve(t, [], { sockets: [stream] });
  const endings: readonly [(socket: Awaited<ReturnType<typeof openSocket>>) => void, number][] = [
    [(socket) => socket.close(1000), 1000],
    [(socket) => socket.close(4100, 'enough'), 4100],
    [(socket) => socket.close(), 1005],
    [(socket) => socket.terminate(), 1006],
    [() => links.at(-1)!.destroy(), 1006],
    [() => links.at(-1)!.close(1013, 'later'), 1013],
  ];
  for (const [end, code] of endings) {
    lines.length = 0;
    const socket = await openSocket(t, `${url}/stream`);
    const closed = once(socket, 'close');
    end(socket);
    await closed;
    await eventually(() => server.connections === 0);
    t.same(lines, [`closed ${code}`]);
  }
  t.equal(server.inFlight, 0);
  await server.drain();
  t.equal(lines.length, 1, 'who has left is not asked to leave');
});

t.test('a listener that throws costs its own connection and nothing else', async (t) => {
  const faults: string[] = [];
  const bad = {
    x: (): never => {
      throw new Error('of the listener');
    },
  };
  const throwing = listen({ path: '/bad' }, { onText: bad.x, onBinary: bad.x, onClosed: bad.x });
  const never = listen({ path: '/never', open: bad.x });
  const good = echo();
  const sockets = [throwing.route, never.route, good.route];
  const onFault = (thrown: unknown) => void faults.push((thrown as Error).message);
  const { url } = await serve(t, [], { sockets, onFault });
  const other = await openSocket(t, `${url}/stream`);
  for (const message of ['text', Buffer.from('bytes')]) {
    const socket = await openSocket(t, `${url}/bad`);
    socket.send(message);
    t.match(await closeOf(socket), [1011, /^INTERNAL: /]);
  }
  t.match(await closeOf(await openSocket(t, `${url}/never`)), [1011, /^INTERNAL: /]);
  t.equal(faults.length, 5, 'both messages, both ends and the listener that never was');
  t.equal(await ask(other, 'still here'), 'still here');
});

t.test('an owner who closes at once is told so, though there was no listener yet', async (t) => {
  const { route: stream, lines } = listen();
  const hasty: typeof stream = {
    ...stream,
    open: (link) => {
      const listener = stream.open(link);
      link.close(1013, 'full');
      return listener;
    },
  };
  const { url } = await serve(t, [], { sockets: [hasty] });
  t.same(await closeOf(await openSocket(t, `${url}/stream`)), [1013, 'full']);
  t.same(lines, ['closed 1013']);
});

t.test('what a client does not take is counted, and its owner hears when all of it is out', async (t) => {
  const heldWhenDrained: number[] = [];
  const { route: stream, links } = listen({}, { onDrained: () => void heldWhenDrained.push(links[0]!.bufferedBytes) });
  const { url, port } = await serve(t, [], { sockets: [stream, echo({ path: '/echo' }).route] });
  const reader = await openUpgraded(t, port);
  const other = await openSocket(t, `${url}/echo`);
  reader.socket.pause();
  const [link] = links;
  let sent = await fill(link!, (bytes) => link!.send('x'.repeat(bytes)));
  for (; link!.bufferedBytes < 950_000; sent += 50_000) link!.send('x'.repeat(50_000));
  t.equal(await ask(other, 'meanwhile'), 'meanwhile');
  t.ok(link!.bufferedBytes > 0);
  heldWhenDrained.length = 0;
  reader.socket.resume();
  await eventually(() => heldWhenDrained.length > 0);
  await eventually(() => framesOf(reader).length === sent + (sent / 50_000) * 4);
  t.same(new Set(heldWhenDrained), new Set([0]));
});

t.test('a close frame waits until all that was sent is out', async (t) => {
  const { route: stream, links, lines } = listen();
  const { url, server } = await serve(t, [], { sockets: [stream] });
  const socket = await openSocket(t, `${url}/stream`);
  let bytes = 0;
  socket.on('message', (data) => (bytes += String(data).length));
  socket.pause();
  const [link] = links;
  const sent = await fill(link!, (bytes) => link!.send('x'.repeat(bytes)));
  link!.close(1000, 'done');
  link!.send('too late');
  t.same([lines, server.inFlight], [[], 1]);
  socket.resume();
  t.same(await closeOf(socket), [1000, 'done']);
  t.equal(bytes, sent);
  t.same(lines, ['closed 1000']);
});

t.test('whoever never reads loses his connection before he costs more than two megabytes', async (t) => {
  const { route: stream, links, lines } = listen();
  const { url, port } = await serve(t, [], { sockets: [stream, echo({ path: '/echo' }).route] });
  const reader = await openUpgraded(t, port);
  const other = await openSocket(t, `${url}/echo`);
  reader.socket.pause();
  const [link] = links;
  let most = 0;
  for (let i = 0; i < 1000 && lines.length === 0; i++) {
    link!.send('x'.repeat(50_000));
    most = Math.max(most, link!.bufferedBytes);
  }
  t.same(lines, ['closed 1006']);
  t.ok(most > MEGABYTE && most < 2 * MEGABYTE, `${most} bytes were held`);
  t.equal(await ask(other, 'still here'), 'still here');
});

t.test('who does not even take the goodbye is left alone after a while', async (t) => {
  const { route: stream, links, lines } = listen();
  const { port } = await serve(t, [], { sockets: [stream] });
  const reader = await openUpgraded(t, port);
  reader.socket.pause();
  const [link] = links;
  await fill(link!, (bytes) => link!.send('x'.repeat(bytes)));
  link!.close(1000, 'done');
  await eventually(() => lines.length === 1);
  t.same(lines, ['closed 1006']);
});

t.test('a stop tells each of them once, and waits until they have left', async (t) => {
  const { route: stream, lines, links } = echo();
  const { url, server } = await serve(t, [], { sockets: [stream] });
  const clients = [await openSocket(t, `${url}/stream`), await openSocket(t, `${url}/stream`)];
  server.closeWithReplies();
  t.same([lines, server.inFlight], [[], 2]);
  let isDrained = false;
  const drained = server.drain().then(() => (isDrained = true));
  void server.drain();
  t.same(lines, ['leaving', 'leaving']);
  t.equal(await ask(clients[0]!, 'my last words'), 'my last words');
  const closes = Promise.all(clients.map(closeOf));
  links[0]!.send('goodbye');
  links[0]!.close(1012, 'SHUTTING_DOWN: come again');
  t.notOk(isDrained);
  links[1]!.close(1012, 'SHUTTING_DOWN: come again');
  await drained;
  server.close();
  t.same(await closes, [
    [1012, 'SHUTTING_DOWN: come again'],
    [1012, 'SHUTTING_DOWN: come again'],
  ]);
});

t.test('a client that sends on and on hears the goodbye of a stop all the same', async (t) => {
  const heard = listen({}, { onLeaving: () => heard.links[0]!.close(1012, 'SHUTTING_DOWN: come again') });
  const { url, server } = await serve(t, [], { sockets: [heard.route] });
  const socket = await openSocket(t, `${url}/stream`);
  const sending = setInterval(() => socket.send('x'.repeat(900)), 1);
  t.teardown(() => clearInterval(sending));
  await eventually(() => heard.lines.length > 5);
  const closed = closeOf(socket);
  await server.drain();
  t.same(await closed, [1012, 'SHUTTING_DOWN: come again']);
});

t.test('a close of the server ends them all, and each owner hears it', async (t) => {
  const { route: stream, lines } = listen();
  const { url, server } = await serve(t, [], { sockets: [stream] });
  const clients = [await openSocket(t, `${url}/stream`), await openSocket(t, `${url}/stream`)];
  const closes = Promise.all(clients.map(closeOf));
  server.close();
  t.same(lines, ['closed 1006', 'closed 1006']);
  t.same(
    (await closes).map(([code]) => code),
    [1006, 1006],
  );
  t.same([server.connections, server.inFlight], [0, 0]);
});

t.test('they count as connections of their door, until they have gone', async (t) => {
  const { route: stream } = listen();
  const limits = { maxBodyBytes: 1000, maxConnections: 2 };
  const { url, server } = await serve(t, [], { sockets: [stream], limits });
  for (let round = 0; round < 3; round++) {
    const clients = [await openSocket(t, `${url}/stream`), await openSocket(t, `${url}/stream`)];
    t.equal(server.connections, 2);
    await t.rejects(openSocket(t, `${url}/stream`));
    for (const client of clients) client.close();
    await eventually(() => server.connections === 0);
  }
});

t.test('a page of TLS opens them as well, under each certificate', { skip: whyNoOpenssl() }, async (t) => {
  const directory = t.testdir();
  const { route: stream, links } = echo();
  const server = createServer({
    uws,
    routes: [],
    sockets: [stream],
    clock: () => performance.now(),
    limits: { maxBodyBytes: 1000, maxConnections: 16 },
    settings: () => ({ corsOrigins: [] }),
    onExchange: () => {},
  });
  t.teardown(() => server.close());
  const { port } = await server.listen('127.0.0.1', 0, makeCertificate(directory, 'first'));
  const options = { rejectUnauthorized: false };
  const first = await openSocket(t, `wss://127.0.0.1:${port}/stream`, options);
  server.useCertificate(makeCertificate(directory, 'second'));
  const second = await openSocket(t, `wss://127.0.0.1:${port}/stream`, options);
  t.same([await ask(first, 'müde'), await ask(second, 'wach')], ['müde', 'wach']);
  t.same([server.connections, links.map(({ peer }) => peer)], [2, ['127.0.0.1', '127.0.0.1']]);
  const closed = closeOf(first);
  links[0]!.close(1012, 'one');
  t.same(await closed, [1012, 'one']);
  const broken = closeOf(second);
  server.close();
  t.equal((await broken)[0], 1006);
  t.same([server.connections, server.inFlight], [0, 0]);
});

t.test('they are served on the Unix socket, without a token', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'http-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'http.sock');
  const { route: stream, links } = echo();
  const { server } = await serve(t, [], {
    sockets: [stream],
    guard: () => {
      throw new Error('asked');
    },
  });
  await server.listenAt(path, 0o600);
  const socket = await openSocket(t, `ws+unix://${path}:/stream`);
  t.equal(await ask(socket, 'hello'), 'hello');
  t.same([links[0]!.peer, server.connections], ['unix', 1]);
  socket.close();
  await eventually(() => server.connections === 0);
});

t.test('pings are answered with what they brought', async (t) => {
  const { route: stream } = listen();
  const { port } = await serve(t, [], { sockets: [stream] });
  const peer = await openUpgraded(t, port);
  peer.socket.write(frame('hey', { opcode: 9 }));
  await eventually(() => framesOf(peer).length === 5);
  t.equal(framesOf(peer).toString('hex'), '8a03686579');
});
