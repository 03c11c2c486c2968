import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { get as getSecurely } from 'node:https';
import t, { type Test } from 'tap';
import type { EventSink } from '../../src/core/task.ts';
import { createServer } from '../../src/http/server.ts';
import { makeCertificate, whyNoOpenssl } from '../fixtures/certificate.ts';
import { eventually, fill, openRaw, reply, route, type Serving, serve, uws } from './serving.ts';

/** Replies that go on. */
const MEGABYTE = 1 << 20;
const HEAD = 'GET /events HTTP/1.1\r\nhost: x\r\n\r\n';

const toEvent = (bytes: number) => `data: ${'x'.repeat(bytes - 8)}\n\n`;

/** A route whose replies go on, with the sink of each and how often it was told to stop. */
function follow(body = ': begin\n\n', begun: (sink: EventSink) => void = () => {}) {
  const sinks: EventSink[] = [];
  const stops: number[] = [];
  const events = route('/events', () =>
    reply(body, {
      contentType: 'text/event-stream',
      headers: [['Cache-Control', 'no-store']],
      follow: (sink) => {
        const index = sinks.push(sink) - 1;
        stops.push(0);
        begun(sink);
        return () => {
          stops[index]! += 1;
        };
      },
    }),
  );
  return { events, sinks, stops };
}

interface Reader {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  /** Without comments. */
  text(): string;
  readonly closed: Promise<unknown>;
}

async function read(t: Test, { url }: Serving, method = 'GET'): Promise<Reader> {
  const request = get(`${url}/events`, { method, agent: false });
  t.teardown(() => request.destroy());
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.on('data', (chunk) => (text += chunk));
  response.on('error', () => {});
  const closed = new Promise((resolve) => response.once('close', resolve));
  return { request, response, text: () => text.replaceAll(':\n', ''), closed };
}

t.test('the head comes at once, and then each event as it is written, in any script', async (t) => {
  const { events, sinks } = follow();
  const serving = await serve(t, [events]);
  const reader = await read(t, serving);
  t.match(reader.response.headers, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'transfer-encoding': 'chunked',
    'access-control-allow-origin': undefined,
  });
  t.notHas(reader.response.headers, 'content-length');
  await eventually(() => reader.text() === ': begin\n\n');
  for (const text of ['data: müde\n\n', 'data: 日本\n\n']) {
    const so = reader.text() + text;
    sinks[0]!.write(text);
    await eventually(() => reader.text() === so);
  }
  sinks[0]!.write('');
  sinks[0]!.end();
  sinks[0]!.end();
  sinks[0]!.write('data: after the end\n\n');
  await reader.closed;
  t.equal(reader.text(), ': begin\n\ndata: müde\n\ndata: 日本\n\n');
  t.ok(reader.response.complete);
  t.equal(sinks[0]!.bufferedBytes, 0);
});

t.test('a reply without a first word comes at once too', async (t) => {
  const { events } = follow('');
  const reader = await read(t, await serve(t, [events]));
  t.equal(reader.response.statusCode, 200);
});

t.test('it is recorded when its head is out, and in flight until it has ended', async (t) => {
  const { events, sinks, stops } = follow();
  const serving = await serve(t, [events]);
  const reader = await read(t, serving);
  t.match(serving.records, [{ route: '/events', status: 200, code: null, aborted: false, responseBytes: 9 }]);
  t.equal(serving.server.inFlight, 1);
  sinks[0]!.end();
  await reader.closed;
  t.same([serving.server.inFlight, serving.records.length, stops], [0, 1, [0]]);
});

t.test('the connection goes on after the end', async (t) => {
  const { events, sinks } = follow();
  const { port } = await serve(t, [events, route('/plain', () => reply('plain'))]);
  const peer = await openRaw(t, port);
  peer.socket.write(HEAD);
  await peer.until(/begin/);
  sinks[0]!.end();
  await peer.until(/\r\n0\r\n\r\n$/);
  peer.socket.write('GET /plain HTTP/1.1\r\nhost: x\r\n\r\n');
  await peer.until(/plain$/);
});

t.test('when the client goes, whoever follows is told once, and writes to nobody', async (t) => {
  const { events, sinks, stops } = follow();
  const serving = await serve(t, [events]);
  const reader = await read(t, serving);
  reader.request.destroy();
  await eventually(() => serving.server.inFlight === 0);
  sinks[0]!.write('data: nobody hears\n\n');
  sinks[0]!.end();
  t.same([stops, sinks[0]!.bufferedBytes, serving.records.length], [[1], 0, 1]);
});

t.test('HEAD is answered with the head alone', async (t) => {
  const { events, sinks } = follow();
  const serving = await serve(t, [events]);
  const { response, closed } = await read(t, serving, 'HEAD');
  await closed;
  t.same([response.statusCode, response.headers['content-type'], sinks.length], [200, 'text/event-stream', 0]);
  t.notHas(response.headers, 'content-length');
  t.equal(serving.server.inFlight, 0);
});

t.test('an end at the beginning is an end', async (t) => {
  const { events, stops } = follow('data: all\n\n', (sink) => sink.end());
  const serving = await serve(t, [events]);
  const reader = await read(t, serving);
  await reader.closed;
  t.same([reader.text(), reader.response.complete, stops], ['data: all\n\n', true, [0]]);
  t.equal(serving.server.inFlight, 0);
});

t.test('a stop ends them in order, also those that come late; a pause for the balancers does not', async (t) => {
  const { events, stops } = follow();
  const late = Promise.withResolvers<void>();
  const slow = route('/slow', async (call) => {
    await late.promise;
    return events.handle(call);
  });
  const serving = await serve(t, [events, slow]);
  const { server, port } = serving;
  const reader = await read(t, serving);
  server.closeWithReplies();
  const other = await read(t, serving);
  t.equal(other.response.headers.connection, 'close');
  const behind = await openRaw(t, port);
  behind.socket.write(HEAD.replace('events', 'slow'));
  await eventually(() => server.inFlight === 3);
  t.same(stops, [0, 0]);
  const drained = server.drain();
  await Promise.all([reader.closed, other.closed]);
  t.same([reader.response.complete, other.response.complete, stops], [true, true, [1, 1]]);
  late.resolve();
  await drained;
  await behind.until(/begin.*\r\n0\r\n\r\n$/s);
  t.same(stops, [1, 1, 1]);
});

t.test('what a client does not take is counted, and all of it comes when he reads', async (t) => {
  const { events, sinks } = follow();
  const serving = await serve(t, [events, route('/plain', () => reply('plain'))]);
  const reader = await read(t, serving);
  await eventually(() => sinks.length === 1);
  reader.response.pause();
  const sent = await fill(sinks[0]!, (bytes) => sinks[0]!.write(toEvent(bytes)));
  t.equal(await (await fetch(`${serving.url}/plain`)).text(), 'plain');
  t.ok(sinks[0]!.bufferedBytes > 0);
  reader.response.resume();
  await eventually(() => sinks[0]!.bufferedBytes === 0);
  await eventually(() => reader.text().length === sent + 9);
  sinks[0]!.write('data: and on\n\n');
  await eventually(() => reader.text().endsWith('and on\n\n'));
});

t.test('an end waits until all that was written is out', async (t) => {
  const { events, sinks } = follow();
  const serving = await serve(t, [events]);
  const reader = await read(t, serving);
  reader.response.pause();
  const sent = await fill(sinks[0]!, (bytes) => sinks[0]!.write(toEvent(bytes)));
  sinks[0]!.end();
  t.equal(serving.server.inFlight, 1);
  reader.response.resume();
  await reader.closed;
  t.same([reader.text().length, reader.response.complete], [sent + 9, true]);
  await eventually(() => serving.server.inFlight === 0);
});

t.test('whoever never reads loses his connection, and whoever follows is told', async (t) => {
  const { events, sinks, stops } = follow();
  const serving = await serve(t, [events, route('/plain', () => reply('plain'))]);
  const reader = await read(t, serving);
  reader.response.pause();
  let most = 0;
  for (let i = 0; i < 1000 && stops[0] === 0; i++) {
    sinks[0]!.write(toEvent(50_000));
    most = Math.max(most, sinks[0]!.bufferedBytes);
  }
  t.same([stops, serving.server.inFlight], [[1], 0]);
  t.ok(most <= MEGABYTE, `${most} bytes were held`);
  t.equal(await (await fetch(`${serving.url}/plain`)).text(), 'plain');
});

t.test('a fault of whoever follows costs this connection and nothing else', async (t) => {
  const faults: unknown[] = [];
  const fault = new Error('of the follower');
  const bad = () => {
    throw fault;
  };
  const first = route('/first', () => reply('data: 1\n\n', { follow: bad }));
  const last = route('/events', () => reply('data: 1\n\n', { follow: () => bad }));
  const serving = await serve(t, [first, last], { onFault: (thrown) => void faults.push(thrown) });
  const peer = await openRaw(t, serving.port);
  peer.socket.write('GET /first HTTP/1.1\r\nhost: x\r\n\r\n');
  await peer.closed;
  const reader = await read(t, serving);
  reader.request.destroy();
  await eventually(() => serving.server.inFlight === 0);
  t.same(faults, [fault, fault]);
});

t.test('a request behind one that goes on closes the connection', async (t) => {
  const { events, stops } = follow();
  const { port, server } = await serve(t, [events]);
  const peer = await openRaw(t, port);
  peer.socket.write(HEAD);
  await peer.until(/begin/);
  peer.socket.write(HEAD);
  await peer.closed;
  await eventually(() => server.inFlight === 0);
  t.same(stops, [1]);
});

t.test('with TLS they go on as well, to a slow reader too', { skip: whyNoOpenssl() }, async (t) => {
  const { events, sinks } = follow();
  const server = createServer({
    uws,
    routes: [events],
    clock: () => performance.now(),
    limits: { maxBodyBytes: 1000, maxConnections: 16 },
    settings: () => ({ corsOrigins: [] }),
    onExchange: () => {},
  });
  t.teardown(() => server.close());
  const { port } = await server.listen('127.0.0.1', 0, makeCertificate(t.testdir(), 'a'));
  const request = getSecurely(`https://127.0.0.1:${port}/events`, { rejectUnauthorized: false, agent: false });
  t.teardown(() => request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const sent = await fill(sinks[0]!, (bytes) => sinks[0]!.write(toEvent(bytes)));
  sinks[0]!.end();
  let text = '';
  for await (const chunk of response) text += chunk;
  t.same([text.replaceAll(':\n', '').length, response.complete], [sent + 9, true]);
});
