import { once } from 'node:events';
import t from 'tap';
import { WebSocket } from 'ws';
import { SidecarError } from '../../src/core/errors.ts';
import { createBearerGuard } from '../../src/http/bearer.ts';
import { openRaw, reply, route, type Serving, serve } from './serving.ts';
import { ask, echo, listen, openSocket, PROTOCOL, upgrade } from './sockets.ts';

/** Who gets a WebSocket, and what the others hear instead. */
const TOKEN = '0123456789abcdef/+ü';
const hidden = (token: string) => `base64url.bearer.${Buffer.from(token).toString('base64url')}`;

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

async function request(t: Parameters<typeof openRaw>[0], { port }: Serving, text: string): Promise<Answer> {
  const peer = await openRaw(t, port);
  peer.socket.write(text);
  await peer.until(/\r\n\r\n/);
  const [head = '', body = ''] = peer.said().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body };
}

t.test('whoever asks as RFC 6455 says gets a WebSocket, recorded once with status 101', async (t) => {
  const { route: stream } = listen();
  const serving = await serve(t, [], { sockets: [stream] });
  for (const path of ['/stream', '/stream/', '/stream?a=b', '/stream/?a']) {
    const { status, head } = await request(t, serving, upgrade(path, { 'X-Request-Id': `id-${path}` }));
    t.equal(status, 101, path);
    t.match(head, `X-Request-Id: id-${path}`);
    t.notMatch(head, /Sec-WebSocket-(Protocol|Extensions)/i);
  }
  t.same(
    serving.records.map(({ route, kind, method, status, code, aborted }) => [
      ...[route, kind, method, status, code, aborted],
    ]),
    Array.from({ length: 4 }, () => ['/stream', 'service', 'GET', 101, null, false]),
  );
});

const refusals: readonly [what: string, headers: Record<string, string | null>, status: number, text: RegExp][] = [
  ['no Upgrade', { Upgrade: null }, 426, /At \/stream a WebSocket is served.*\/docs\/stream/],
  ['an upgrade to something else', { Upgrade: 'h2c' }, 426, /a WebSocket is served/],
  ['another version', { 'Sec-WebSocket-Version': '8' }, 426, /version 13/],
  ['no version', { 'Sec-WebSocket-Version': null }, 426, /version 13/],
  ['no key', { 'Sec-WebSocket-Key': null }, 400, /base64 of 16 bytes/],
  ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400, /base64 of 16 bytes/],
  ['a key that is no base64', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZS!ub25jZQ==' }, 400, /base64 of 16 bytes/],
  ['only other protocols', { 'Sec-WebSocket-Protocol': 'mqtt, v2' }, 400, /only .* is test\.v1: offer it\./],
  ['only a token', { 'Sec-WebSocket-Protocol': hidden('a') }, 400, /test\.v1: offer it, also beside a token/],
  ['a body', { 'Content-Length': '5' }, 400, /has no body/],
  ['a chunked body', { 'Transfer-Encoding': 'chunked' }, 400, /only a POST may have a chunked body/],
];
for (const [what, headers, status, text] of refusals) {
  t.test(`a request with ${what} hears what is wrong with it: ${status}`, async (t) => {
    const { route: stream, links } = listen();
    const serving = await serve(t, [], { sockets: [stream] });
    const answer = await request(t, serving, upgrade('/stream', headers));
    t.equal(answer.status, status);
    t.match(JSON.parse(answer.body).error.message, text);
    if (status === 426) t.match(answer.head, /^Upgrade: websocket$/m);
    if (/version/.test(what)) t.match(answer.head, /^Sec-WebSocket-Version: 13$/m);
    t.equal(links.length, 0);
    t.same(
      serving.records.map(({ route, status }) => [route, status]),
      [['/stream', status]],
    );
  });
}

t.test('a plain GET hears 426, unless a route answers it', async (t) => {
  const { route: stream } = listen();
  const alone = await serve(t, [], { sockets: [stream] });
  const response = await fetch(`${alone.url}/stream`);
  t.same(
    [response.status, response.statusText, response.headers.get('upgrade')],
    [426, 'Upgrade Required', 'websocket'],
  );
  t.match(await response.json(), { error: { code: 'UPGRADE_REQUIRED' } });
  t.equal((await fetch(`${alone.url}/stream`, { method: 'POST' })).status, 405);
  const beside = await serve(t, [route('/stream', () => reply('a list'))], { sockets: [stream] });
  t.equal(await (await fetch(`${beside.url}/stream`)).text(), 'a list');
  t.equal((await request(t, beside, upgrade())).status, 101);
});

t.test('the protocol is chosen where it is offered, among others too', async (t) => {
  const { route: stream } = listen();
  const serving = await serve(t, [], { sockets: [stream] });
  for (const offered of [PROTOCOL, `mqtt,${PROTOCOL}`, `${PROTOCOL} , mqtt`]) {
    const { head } = await request(t, serving, upgrade('/stream', { 'Sec-WebSocket-Protocol': offered }));
    t.match(head, /^Sec-WebSocket-Protocol: test\.v1$/m, offered);
  }
});

t.test('without the token nobody gets in; it may come in either header, and is not said again', async (t) => {
  const { route: stream, links } = listen();
  const serving = await serve(t, [], { sockets: [stream], guard: createBearerGuard(TOKEN) });
  const given = (headers: Record<string, string>) => request(t, serving, upgrade('/stream', headers));
  const wrong = [{}, { Authorization: 'Bearer x' }, { 'Sec-WebSocket-Protocol': `${PROTOCOL}, ${hidden('x')}` }];
  for (const headers of wrong) {
    const { status, head } = await given(headers as Record<string, string>);
    t.equal(status, 401);
    t.match(head, /^WWW-Authenticate: Bearer/m);
  }
  t.equal(links.length, 0);
  const byProtocol = await given({ 'Sec-WebSocket-Protocol': `${hidden(TOKEN)}, ${PROTOCOL}` });
  t.equal(byProtocol.status, 101);
  t.match(byProtocol.head, /^Sec-WebSocket-Protocol: test\.v1$/m);
  t.notMatch(byProtocol.head, /bearer/);
  const ascii = await serve(t, [], { sockets: [stream], guard: createBearerGuard('0123456789abcdef') });
  t.equal((await request(t, ascii, upgrade('/stream', { Authorization: 'Bearer 0123456789abcdef' }))).status, 101);
  t.same(
    serving.records.map(({ status }) => status),
    [401, 401, 401, 101],
  );
});

t.test('a token in a protocol is for an upgrade alone', async (t) => {
  const routes = [route('/infer', () => reply('answer'))];
  const { url } = await serve(t, routes, { guard: createBearerGuard('0123456789abcdef') });
  const headers = { 'sec-websocket-protocol': hidden('0123456789abcdef') };
  t.equal((await fetch(`${url}/infer`, { headers })).status, 401);
});

t.test('a page may open one when its origin is allowed, and programs without an origin always', async (t) => {
  const { route: stream } = listen();
  const serving = await serve(t, [], { sockets: [stream] });
  const from = async (Origin: string | null) => (await request(t, serving, upgrade('/stream', { Origin }))).status;
  serving.settings = { corsOrigins: ['https://a.example'] };
  t.same([await from('https://a.example'), await from('https://b.example'), await from('null')], [101, 403, 403]);
  t.equal(await from(null), 101);
  serving.settings = { corsOrigins: [] };
  t.equal(await from('https://a.example'), 403);
  serving.settings = { corsOrigins: ['*'] };
  t.equal(await from('https://b.example'), 101);
});

t.test('the route turns clients away with an error of its own, and knows who they are', async (t) => {
  const seen: unknown[] = [];
  const admit: (typeof stream)['admit'] = (call) => {
    seen.push([call.peer, call.requestId, call.header('x-stream')]);
    throw new SidecarError('QUEUE_FULL', 'There are enough.', { retryAfterMs: 1500 });
  };
  const { route: stream, links } = listen({ admit: (call) => admit(call) });
  const serving = await serve(t, [], { sockets: [stream] });
  const { status, head, body } = await request(
    t,
    serving,
    upgrade('/stream', { 'X-Stream': 's', 'X-Request-Id': 'r' }),
  );
  t.same([status, JSON.parse(body).error.code], [503, 'QUEUE_FULL']);
  t.match(head, /^Retry-After: 2$/m);
  t.same(seen, [['127.0.0.1', 'r', 's']]);
  t.equal(links.length, 0);
  t.match(serving.records, [{ route: '/stream', status: 503, code: 'QUEUE_FULL', requestId: 'r' }]);
});

t.test('whatever else a route throws is a fault of ours, and nobody else is harmed', async (t) => {
  const { route: stream } = listen({
    admit: ({ header }) => {
      if (header('x-bad') !== '') throw new TypeError('a secret');
    },
  });
  const serving = await serve(t, [], { sockets: [stream] });
  const { status, body } = await request(t, serving, upgrade('/stream', { 'X-Bad': '1' }));
  t.equal(status, 500);
  t.notMatch(body, /secret/);
  t.match(serving.records[0]!.error!.cause, { message: 'a secret' });
  t.equal((await request(t, serving, upgrade())).status, 101);
});

t.test('while the balancers leave new ones are taken, and while the daemon drains they are sent away', async (t) => {
  const { route: stream, links } = echo();
  const { server, url, records, port } = await serve(t, [], { sockets: [stream] });
  const [first, second] = [await openRaw(t, port), await openRaw(t, port)];
  server.closeWithReplies();
  first.socket.write(upgrade());
  await first.until(/ 101 /);
  const open = await openSocket(t, `${url}/stream`);
  t.equal(await ask(open, 'still there'), 'still there');
  const drained = server.drain();
  second.socket.write(upgrade());
  await second.until(/ 503 .*SHUTTING_DOWN/s);
  t.match(second.said(), /^Retry-After: /m);
  for (const link of links) link.destroy();
  await drained;
  t.same(
    records.map(({ status }) => status),
    [101, 101, 503],
  );
});

t.test('a browser that offers the token beside the protocol is content', async (t) => {
  const { route: stream } = listen();
  const { url } = await serve(t, [], { sockets: [stream], guard: createBearerGuard(TOKEN) });
  const socket = new WebSocket(`${url}/stream`, [PROTOCOL, hidden(TOKEN)]);
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  t.equal(socket.protocol, PROTOCOL);
});
