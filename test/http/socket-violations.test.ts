import t from 'tap';
import { eventually, openRaw, reply, route, serve } from './serving.ts';
import { ask, echo, frame, framesOf, listen, openSocket, openUpgraded, upgrade } from './sockets.ts';

/** WebSockets of clients who break the protocol: what it costs them, and that the others go on. */
const { concat, from } = Buffer;
const PING = { opcode: 9 };
const CONTINUED = { opcode: 0 };
const CLOSE = { opcode: 8 };
const LIMIT = 1000;

/** The library ends these connections without a close frame. */
const cut: readonly [what: string, bytes: Buffer][] = [
  ['a reserved bit', frame('a', { reserved: 0x40 })],
  ['another reserved bit', frame('a', { reserved: 0x10 })],
  ['an opcode that there is not', frame('a', { opcode: 3 })],
  ['a control opcode that there is not', frame('a', { opcode: 11 })],
  ['a continuation of nothing', frame('a', CONTINUED)],
  ['a new message inside of another', concat([frame('a', { isLast: false }), frame('b')])],
  ['a ping in pieces', frame('a', { ...PING, isLast: false })],
  ['a ping of 126 bytes', frame('a'.repeat(126), PING)],
  ['a text that is no UTF-8', frame(from([0x61, 0xff]))],
  ['a text whose last character is cut', frame(from('ü').subarray(0, 1))],
  ['a text that is no UTF-8 in pieces', concat([frame('a', { isLast: false }), frame(from([0xc3, 0x28]), CONTINUED)])],
  ['a message far over the limit', frame('a', { length: 10 << 20 })],
  ['a message of 2^32 bytes', frame('a', { length: 2 ** 32 + 1 })],
  ['a message of 2^53 bytes', frame('a', { length: Number.MAX_SAFE_INTEGER })],
  [
    'pieces without end',
    concat([
      frame('', { isLast: false }),
      ...Array(100).fill(frame('a'.repeat(1000), { ...CONTINUED, isLast: false })),
    ]),
  ],
  ['an HTTP request', from('GET /stream HTTP/1.1\r\nhost: x\r\n\r\n')],
  ['bytes of anything', from(Array.from({ length: 4000 }, (_, i) => (i * 7919 + 0xb3) & 0xff))],
];
for (const [what, bytes] of cut) {
  t.test(`${what} ends the connection, and no other`, async (t) => {
    const { route: stream, lines } = listen({ maxMessageBytes: LIMIT });
    const { url, port, server } = await serve(t, [], { sockets: [stream, echo({ path: '/echo' }).route] });
    const other = await openSocket(t, `${url}/echo`);
    const peer = await openUpgraded(t, port);
    peer.socket.write(bytes);
    await peer.closed;
    t.same([framesOf(peer).length, lines], [0, ['closed 1006']]);
    t.equal(await ask(other, 'still here'), 'still here');
    t.same([server.connections, server.inFlight], [1, 1]);
  });
}

const farewells: readonly [what: string, payload: Buffer, code: number][] = [
  ['without a code', from([]), 1005],
  ['of one byte', from([3]), 1005],
  ['with a code that may not be sent', from([3, 237]), 1006],
  ['with a code that there is not', from([0, 1]), 1006],
  ['with a reason that is no UTF-8', from([3, 232, 0xff]), 1006],
];
for (const [what, payload, code] of farewells) {
  t.test(`a close frame ${what} is answered with one, and the owner hears ${code}`, async (t) => {
    const { route: stream, lines } = listen();
    const { port } = await serve(t, [], { sockets: [stream] });
    const peer = await openUpgraded(t, port);
    peer.socket.write(concat([frame(payload, CLOSE), frame('after the end')]));
    await peer.closed;
    t.same([framesOf(peer)[0], lines], [0x88, [`closed ${code}`]]);
  });
}

t.test('a frame without its mask is not taken for what it says', async (t) => {
  const { route: stream, lines } = listen();
  const { url, port } = await serve(t, [], { sockets: [stream, echo({ path: '/echo' }).route] });
  const other = await openSocket(t, `${url}/echo`);
  const peer = await openUpgraded(t, port);
  for (let i = 0; i < 20; i++) peer.socket.write(frame('{"type":"hello"}', { isMasked: false }));
  t.equal(await ask(other, 'meanwhile'), 'meanwhile');
  await peer.closed;
  t.notMatch(lines.join('\n'), /hello/);
});

t.test('ten thousand pings are answered, and those of a client who never reads are not kept', async (t) => {
  const { route: stream, links } = listen();
  const { url, port } = await serve(t, [], { sockets: [stream, echo({ path: '/echo' }).route] });
  const other = await openSocket(t, `${url}/echo`);
  const polite = await openUpgraded(t, port);
  const many = concat(Array(10_000).fill(frame('0123456789'.repeat(12), PING)));
  polite.socket.write(many);
  const answer = 10_000 * 122;
  await eventually(() => framesOf(polite).length === answer);
  const deaf = await openUpgraded(t, port);
  deaf.socket.pause();
  for (let i = 0; i < 10; i++) deaf.socket.write(many);
  for (let i = 0; i < 100; i++) t.equal(await ask(other, `${i}`), `${i}`);
  t.ok(links[1]!.bufferedBytes < 2 << 20, `${links[1]!.bufferedBytes} bytes are held`);
});

t.test('half a frame waits for its rest, whatever others do', async (t) => {
  const { route: stream, lines } = echo();
  const { url, port } = await serve(t, [], { sockets: [stream] });
  const peer = await openUpgraded(t, port);
  const whole = frame('in small pieces, the last of which comes late');
  for (const byte of whole.subarray(0, -1)) {
    peer.socket.write(from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const other = await openSocket(t, `${url}/stream`);
  t.equal(await ask(other, 'meanwhile'), 'meanwhile');
  peer.socket.write(whole.subarray(-1));
  await peer.until(/in small pieces/);
  t.same(lines, ['text meanwhile', 'text in small pieces, the last of which comes late']);
});

t.test('a client that goes in the middle of a frame has closed with 1006', async (t) => {
  const { route: stream, lines } = listen();
  const { port, server } = await serve(t, [], { sockets: [stream] });
  const peer = await openUpgraded(t, port);
  peer.socket.write(frame('a whole frame').subarray(0, 9));
  peer.socket.destroy();
  await eventually(() => server.connections === 0);
  t.same(lines, ['closed 1006']);
});

t.test('a second request behind an upgrade is none: it opens nothing', async (t) => {
  const { route: stream, links } = echo();
  const { port, records } = await serve(t, [], { sockets: [stream] });
  const peer = await openRaw(t, port);
  peer.socket.write(upgrade() + upgrade());
  await peer.until(/\r\n\r\n/);
  peer.socket.write(frame('and goes on'));
  await peer.until(/and goes on/);
  t.same([links.length, records.length, peer.said().match(/HTTP/g)!.length], [1, 1, 1]);
});

t.test('an upgrade may follow a request on its connection', async (t) => {
  const { route: stream } = echo();
  const { port, server } = await serve(t, [route('/plain', () => reply('plain'))], { sockets: [stream] });
  const peer = await openRaw(t, port);
  peer.socket.write(`GET /plain HTTP/1.1\r\nhost: x\r\n\r\n${upgrade()}`);
  await peer.until(/plainHTTP\/1\.1 101 .*\r\n\r\n/s);
  peer.socket.write(frame('hello'));
  await peer.until(/hello/);
  t.equal(server.inFlight, 1);
  peer.socket.destroy();
  await eventually(() => server.connections === 0 && server.inFlight === 0);
});

t.test('an upgrade behind a request that is still being answered closes the connection', async (t) => {
  const { route: stream, links } = listen();
  const late = Promise.withResolvers<ReturnType<typeof reply>>();
  const { port, server } = await serve(t, [route('/late', () => late.promise)], { sockets: [stream] });
  const peer = await openRaw(t, port);
  peer.socket.write(`GET /late HTTP/1.1\r\nhost: x\r\n\r\n${upgrade()}`);
  await peer.closed;
  late.resolve(reply('too late'));
  await eventually(() => server.inFlight === 0);
  t.equal(links.length, 0);
});
