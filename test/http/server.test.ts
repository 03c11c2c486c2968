import { createServer as createNetServer } from 'node:net';
import t from 'tap';
import { SidecarError } from '../../src/core/errors.ts';
import type { Call, Reply } from '../../src/core/task.ts';
import { createServer } from '../../src/http/server.ts';
import { DOC, eventually, openRaw, reply, route, serve, uws } from './serving.ts';

const hello = route('/hello', () => reply('hello'));
const echo = route('/echo', (call) => reply(Uint8Array.from(call.body)), { method: 'POST', kind: 'inference' });
const IDLE = {
  routes: [hello],
  clock: () => 0,
  limits: { maxBodyBytes: 1, maxConnections: 1 },
  settings: () => ({ corsOrigins: [] }),
  onExchange: () => {},
};
const JSON_HEADERS = { 'content-type': 'application/json' };

t.test('HEAD tells the length that GET would have, and sends nothing', async (t) => {
  const { url, records } = await serve(t, [hello]);
  const response = await fetch(`${url}/hello`, { method: 'HEAD' });
  t.equal(response.headers.get('content-length'), '5');
  t.equal(await response.text(), '');
  t.match(records, [{ method: 'HEAD', status: 200, responseBytes: 0 }]);
});

t.test('a body is UTF-8, also where Latin-1 would do for all of it', async (t) => {
  const bodies = ['within ±500 m/s²', 'naïve → 日本', 'plain'];
  const { url } = await serve(
    t,
    bodies.map((body, i) => route(`/${i}`, () => reply(body))),
  );
  const seen = await Promise.all(bodies.map(async (_, i) => (await fetch(`${url}/${i}`)).text()));
  t.same(seen, bodies);
});

t.test('an unknown path is 404 in the one form of errors, a wrong method 405 with Allow', async (t) => {
  const { url, records } = await serve(t, [hello, echo]);
  const missing = await fetch(`${url}/nothing`);
  t.match(await missing.json(), { error: { code: 'NOT_FOUND' }, detail: /GET \// });
  const wrong = await fetch(`${url}/hello`, { method: 'DELETE' });
  t.equal(wrong.status, 405);
  t.equal(wrong.headers.get('allow'), 'GET, HEAD, OPTIONS');
  t.equal((await fetch(`${url}/echo`)).headers.get('allow'), 'POST, OPTIONS');
  t.same(
    records.map(({ route, status, code }) => [route, status, code]),
    [
      ['unmatched', 404, 'NOT_FOUND'],
      ['/hello', 405, 'METHOD_NOT_ALLOWED'],
      ['/echo', 405, 'METHOD_NOT_ALLOWED'],
    ],
  );
});

t.test('one trailing slash and the query do not hide a route', async (t) => {
  const seen: string[] = [];
  const { url } = await serve(t, [
    route('/seen', (call) => {
      seen.push(`${call.path} ${call.query}`);
      return reply('');
    }),
  ]);
  await fetch(`${url}/seen/?a=1&b=`);
  t.same(seen, ['/seen a=1&b=']);
});

t.test('a fault in a handler is a 500 that tells the client nothing of it, and the log everything', async (t) => {
  const fault = () => {
    throw new TypeError('secret detail');
  };
  const { url, records } = await serve(t, [route('/sync', fault), route('/async', async () => fault())]);
  for (const path of ['/sync', '/async']) {
    const response = await fetch(url + path);
    t.equal(response.status, 500);
    t.notMatch(await response.text(), /secret|TypeError|at /);
  }
  t.match(records, [
    { status: 500, code: 'INTERNAL', error: { cause: { message: 'secret detail' } } },
    { status: 500, code: 'INTERNAL', error: { cause: { message: 'secret detail' } } },
  ]);
});

t.test('a retryable refusal says when to come back', async (t) => {
  const busy = () => {
    throw new SidecarError('QUEUE_FULL', 'Full.', { retryAfterMs: 12.2 });
  };
  const { url } = await serve(t, [route('/busy', busy)]);
  const { status, headers } = await fetch(`${url}/busy`);
  t.same([status, headers.get('retry-after'), headers.get('retry-after-ms')], [503, '1', '13']);
});

t.test('a line break in a header value starts no header', async (t) => {
  const { url } = await serve(t, [route('/split', () => reply('', { headers: [['X-Degraded', 'a\r\nX-Evil: 1']] }))]);
  const { headers } = await fetch(`${url}/split`);
  t.equal(headers.get('x-evil'), null);
  t.equal(headers.get('x-degraded'), 'a??X-Evil: 1');
});

t.test('a usable request id comes back, any other is replaced by a new one', async (t) => {
  const { url, records } = await serve(t, [hello]);
  const idFor = async (given: string) =>
    (await fetch(`${url}/hello`, { headers: { 'x-request-id': given } })).headers.get('x-request-id');
  t.equal(await idFor('job-7'), 'job-7');
  t.not(await idFor('with a space'), 'with a space');
  t.not(await idFor('x'.repeat(129)), 'x'.repeat(129));
  t.equal(new Set(records.map(({ requestId }) => requestId)).size, 3);
});

t.test('CORS follows the settings of the moment', async (t) => {
  const serving = await serve(t, [echo]);
  const headers = { origin: 'https://a.example', 'access-control-request-headers': 'X-Mine' };
  const preflight = async () => (await fetch(`${serving.url}/echo`, { method: 'OPTIONS', headers })).headers;
  t.match(Object.fromEntries(await preflight()), {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'POST, OPTIONS',
    'access-control-allow-headers': 'X-Mine',
  });
  serving.settings = { corsOrigins: ['https://b.example'] };
  const denied = await preflight();
  t.same([denied.get('access-control-allow-origin'), denied.get('access-control-allow-methods')], [null, null]);
  t.equal(denied.get('vary'), 'Origin');
  serving.settings = { corsOrigins: ['https://a.example'] };
  t.equal((await preflight()).get('access-control-allow-origin'), 'https://a.example');
});

t.test('a body is whole, whether it comes at once or in pieces', async (t) => {
  const { port, records } = await serve(t, [echo]);
  const body = 'x'.repeat(40_000);
  const peer = await openRaw(t, port);
  peer.socket.write(`POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 9)}`);
  await new Promise((resolve) => setTimeout(resolve, 20)); // the first piece must arrive alone
  peer.socket.write(body.slice(9));
  await peer.until(/x{40000}$/);
  t.match(records, [{ status: 200, requestBytes: 40_000, responseBytes: 40_000 }]);
});

t.test('a body over the limit is refused, in whatever form it comes', async (t) => {
  const { url, records } = await serve(t, [echo], { limits: { maxBodyBytes: 100, maxConnections: 16 } });
  const body = 'x'.repeat(101);
  const asStream = { body: new Blob([body]).stream(), duplex: 'half' } as RequestInit;
  for (const form of [{ body }, asStream]) {
    const response = await fetch(`${url}/echo`, { method: 'POST', headers: JSON_HEADERS, ...form });
    t.equal(response.status, 413);
    t.match(await response.json(), { error: { code: 'BODY_TOO_LARGE' } });
  }
  t.equal(records.length, 2);
  t.equal((await fetch(`${url}/echo`, { method: 'POST', headers: JSON_HEADERS, body: body.slice(1) })).status, 200);
});

t.test('a refused body that never ends is closed when its time is over', async (t) => {
  const { port, records } = await serve(t, [echo], { limits: { maxBodyBytes: 100, maxConnections: 16 } });
  const peer = await openRaw(t, port);
  peer.socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\nonly this');
  await peer.closed;
  t.match(peer.said(), /^HTTP\/1\.1 413 [\s\S]*connection: close/i);
  t.match(records, [{ status: 413, code: 'BODY_TOO_LARGE', requestBytes: 9 }]);
});

t.test('slow bodies share one budget: over it the newest is refused, and the memory comes back', async (t) => {
  const serving = await serve(t, [echo], { limits: { maxBodyBytes: 20 << 20, maxConnections: 64 } });
  const half = Buffer.alloc(9 << 20, 'x');
  const peers = await Promise.all(Array.from({ length: 10 }, () => openRaw(t, serving.port)));
  for (const peer of peers) {
    peer.socket.write(`POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: ${20 << 20}\r\n\r\n`);
    peer.socket.write(half);
  }
  await eventually(() => serving.records.length > 0);
  t.match(serving.records[0], { status: 503, code: 'QUEUE_FULL' });
  for (const peer of peers) peer.socket.destroy();
  await eventually(() => serving.server.inFlight === 0);
  const again = await fetch(`${serving.url}/echo`, { method: 'POST', headers: JSON_HEADERS, body: half });
  t.equal((await again.arrayBuffer()).byteLength, half.length);
});

t.test('a client that leaves is told of once, when its handler has ended', async (t) => {
  const answer = Promise.withResolvers<Reply>();
  let call: Call | null = null;
  const slow = route('/slow', (given) => {
    call = given;
    return answer.promise;
  });
  const { port, records, server } = await serve(t, [slow]);
  const peer = await openRaw(t, port);
  peer.socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await eventually(() => call !== null);
  peer.socket.destroy();
  await eventually(() => call!.isGone());
  t.same(records, [], 'the handler still runs');
  t.equal(server.inFlight, 1);
  answer.resolve(reply('too late'));
  await eventually(() => records.length === 1);
  t.match(records, [{ status: 499, code: 'CLIENT_GONE', aborted: true, responseBytes: 0 }]);
  t.equal(server.inFlight, 0);
});

t.test('a client that leaves amid its body is told of once', async (t) => {
  const { port, records } = await serve(t, [echo]);
  const peer = await openRaw(t, port);
  peer.socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\nhalf');
  await eventually(() => peer.socket.bytesWritten > 0);
  await new Promise((resolve) => setTimeout(resolve, 20)); // so that the piece arrives before the end
  peer.socket.destroy();
  await eventually(() => records.length === 1);
  t.match(records, [{ status: 499, code: 'CLIENT_GONE', aborted: true }]);
});

t.test('a second server on the port is refused, and told what to do', async (t) => {
  const first = await serve(t, [hello]);
  const second = createServer({ ...IDLE, uws });
  await t.rejects(second.listen('127.0.0.1', first.port), { code: 'PORT_IN_USE', message: /ss -ltnp.*server\.port/ });
  second.close();
  t.equal((await fetch(`${first.url}/hello`)).status, 200);
});

t.test('a port that any other program has is refused too', async (t) => {
  const other = createNetServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const { server } = await serve(t, [hello]);
  await t.rejects(server.listen('127.0.0.1', port), { code: 'PORT_IN_USE' });
});

t.test('a host that is not this machine, or not yet, is told with the setting', async (t) => {
  const server = createServer({ ...IDLE, uws });
  t.teardown(() => server.close());
  await t.rejects(server.listen('203.0.113.1', 0), { code: 'UNAVAILABLE', message: /server\.host/ });
  await t.rejects(server.listen('no.such.host.invalid', 0), { code: 'UNAVAILABLE', message: /127\.0\.0\.1/ });
});

t.test('connections over the limit are turned away, and counted', async (t) => {
  let refused = 0;
  const { port, server } = await serve(t, [hello], {
    limits: { maxBodyBytes: 1, maxConnections: 2 },
    onConnectionRefused: () => {
      refused += 1;
    },
  });
  const peers = [await openRaw(t, port), await openRaw(t, port)];
  const third = await openRaw(t, port);
  await third.closed;
  t.same([refused, server.connections], [1, 2]);
  peers[0]!.socket.destroy();
  await eventually(() => server.connections === 1);
  const next = await openRaw(t, port);
  next.socket.write('GET /hello HTTP/1.1\r\nhost: x\r\n\r\n');
  await next.until(/hello$/);
});

t.test('a drain answers what is in flight, refuses the rest, and ends when nothing is left', async (t) => {
  const answer = Promise.withResolvers<Reply>();
  const health = route('/health', () => reply('still told'));
  const { port, server, records } = await serve(t, [route('/slow', () => answer.promise), echo, health]);
  const waiting = await openRaw(t, port);
  const idle = await openRaw(t, port);
  waiting.socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await eventually(() => server.inFlight === 1);
  const drained = server.drain();
  idle.socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n');
  await idle.until(/still told$/);
  idle.socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx');
  await idle.closed;
  t.match(idle.said(), /HTTP\/1\.1 503 [\s\S]*SHUTTING_DOWN/);
  answer.resolve(reply('the answer'));
  await drained;
  await waiting.until(/the answer$/);
  t.equal(records.length, 3);
});

t.test('who leaves serves old and new connections, and each reply closes its own', async (t) => {
  const { port, server } = await serve(t, [hello, echo]);
  const kept = await openRaw(t, port);
  const idle = await openRaw(t, port);
  kept.socket.write('GET /hello HTTP/1.1\r\nhost: x\r\n\r\n');
  await kept.until(/hello$/);
  t.notMatch(kept.said(), /connection: close/i);
  server.closeWithReplies();
  kept.socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx');
  const fresh = await openRaw(t, port);
  fresh.socket.write('GET /hello HTTP/1.1\r\nhost: x\r\n\r\n');
  await Promise.all([kept.closed, fresh.closed]);
  for (const { said } of [kept, fresh]) t.match(said(), /connection: close\r\n/i);
  await eventually(() => server.connections === 1); // who asks nothing is left alone
  idle.socket.write('GET /hello HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(2));
  await idle.closed;
  t.equal(idle.said().split('HTTP/1.1 200 OK').length, 3, 'requests that were sent together are all answered');
});

t.test('closing ends every connection, twice is as good as once', async (t) => {
  const { port, server } = await serve(t, [hello]);
  const peer = await openRaw(t, port);
  await eventually(() => server.connections === 1);
  server.close();
  server.close();
  await peer.closed;
});

t.test('two routes at one place are a fault of the program', async (t) => {
  const twice = [hello, route('/hello', () => reply('other'), { doc: DOC })];
  await t.rejects(serve(t, twice), { code: 'INTERNAL', message: /GET \/hello/ });
});

t.test('a protocol has its own form of errors at its path and below, and nowhere else', async (t) => {
  const errorForm = { prefix: '/own', toError: () => ({ status: 404, body: '{"own":true}' }) };
  const { url } = await serve(t, [route('/own/door', () => reply('in'), { errorForm })]);
  const told = async (path: string) => Object.keys((await (await fetch(url + path)).json()) as object);
  for (const path of ['/own', '/own/', '/own/nothing']) t.same(await told(path), ['own'], path);
  for (const path of ['/owner', '/ownfoo/door', '/', '/x/own']) t.same(await told(path), ['error', 'detail'], path);
});
