import { once } from 'node:events';
import { existsSync, lstatSync } from 'node:fs';
import { connect } from 'node:net';
import t from 'tap';
import { createAdminClient } from '../../src/admin/client.ts';
import type { AdminRoute } from '../../src/admin/route.ts';
import { SidecarError } from '../../src/core/errors.ts';
import { open, parseReply, talk } from './admin-socket.ts';

const ECHO: AdminRoute = { method: 'POST', path: '/v1/echo', handle: async (body) => ({ body }) };
const fails = (path: string, thrown: unknown): AdminRoute => ({
  method: 'POST',
  path,
  handle: () => Promise.reject(thrown),
});

t.test('JSON goes in and comes out, and each command leaves a line that says whose it was', async (t) => {
  const nothing: AdminRoute = { method: 'GET', path: '/v1/nothing', handle: async () => undefined };
  const { path, lines } = await open(t, [ECHO, nothing]);
  const { call } = createAdminClient(path);
  t.same(await call('POST', '/v1/echo', { ref: 'tcn@1' }), { body: { ref: 'tcn@1' } });
  t.same(await call('POST', '/v1/echo'), {}, 'no body is undefined, which JSON leaves out');
  t.equal(await call('GET', '/v1/nothing'), null);
  t.match(lines[0], { level: 'info', fields: { url: '/v1/echo', uid: 1000, pid: 4321 }, message: 'admin command' });
});

t.test('the socket is its owner’s alone, whatever the umask, and the umask is as before', async (t) => {
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  const { path } = await open(t, []);
  t.equal(lstatSync(path).mode & 0o777, 0o600);
  t.equal(process.umask(), 0);
});

t.test('a failure keeps its code, sentence and status; a fault shows nothing of itself', async (t) => {
  const refused = new SidecarError('MODEL_REFUSED', 'golden: 0.9 instead of 0.99.');
  const fault = new Error('secret detail');
  const { path, lines } = await open(t, [
    fails('/refused', refused),
    fails('/fault', fault),
    fails('/internal', new SidecarError('INTERNAL', 'secret detail')),
    { method: 'POST', path: '/bigint', handle: async () => 1n },
  ]);
  const post = async (target: string) =>
    parseReply(await talk(path, `POST ${target} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`));
  const internal = {
    status: 500,
    json: { error: { code: 'INTERNAL', message: "Internal error; the daemon's log has the cause." } },
  };
  t.same(await post('/refused'), {
    status: 409,
    json: { error: { code: 'MODEL_REFUSED', message: 'golden: 0.9 instead of 0.99.' } },
  });
  t.same(await post('/fault'), internal);
  t.same(await post('/internal'), internal);
  t.same(await post('/bigint'), internal);
  t.equal(lines.find(({ level }) => level === 'error')?.fields.err, fault, 'the log has the cause');
});

t.test('what is no command gets an answer that says so', async (t) => {
  const { path } = await open(t, [ECHO]);
  const { call } = createAdminClient(path);
  await t.rejects(call('GET', '/v1/other'), { code: 'NOT_FOUND', message: /\/v1\/other/ });
  await t.rejects(call('GET', '/v1/echo'), { code: 'METHOD_NOT_ALLOWED', message: /takes POST, not GET/ });
});

t.test('a wrong body is refused before any command runs', async (t) => {
  let ran = 0;
  const { path } = await open(t, [{ method: 'POST', path: '/x', handle: async () => ran++ }]);
  const post = async (headers: string, body: string | Buffer) =>
    parseReply(
      await talk(
        path,
        Buffer.concat([Buffer.from(`POST /x HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n`), Buffer.from(body)]),
      ),
    );
  t.match(await post('content-length: 5', '{"a":'), { status: 400, json: { error: { message: /not JSON/ } } });
  t.match(await post('content-length: 2', Buffer.from([0xc3, 0x28])), {
    status: 400,
    json: { error: { code: 'INVALID_UTF8' } },
  });
  t.match(await post('content-length: 65537', ''), { status: 413, json: { error: { code: 'BODY_TOO_LARGE' } } });
  const chunks = `8000\r\n${'x'.repeat(0x8000)}\r\n`.repeat(3);
  t.match(await post('transfer-encoding: chunked', chunks), { status: 413 }, 'also when no length was announced');
  t.match(await post('content-length: 40000', '['.repeat(40000)), { status: 400 }, 'deep nesting');
  t.equal(ran, 0);
});

t.test('a body that stops half way runs nothing, and the server serves on', async (t) => {
  let ran = 0;
  const { path, lines } = await open(t, [ECHO, { method: 'POST', path: '/x', handle: async () => ran++ }]);
  const socket = connect(path, () => socket.write('POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"a'));
  await once(socket, 'connect');
  socket.destroy();
  t.same(await createAdminClient(path).call('POST', '/v1/echo', 1), { body: 1 });
  while (!lines.some(({ fields }) => fields.code === 'CLIENT_GONE')) await new Promise(setImmediate);
  t.equal(ran, 0);
});

t.test('what is no HTTP is told so in JSON, a head without end too', async (t) => {
  const { path } = await open(t, [ECHO]);
  for (const garbage of ['\0\0\0\0\r\n\r\n', 'GET\r\n\r\n', '\x16\x03\x01\x02\x00', 'POST /v1/echo HTTP/1.1\r\n\r\n'])
    t.match(parseReply(await talk(path, garbage)), { status: 400 }, JSON.stringify(garbage));
  const head = `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`;
  t.match(parseReply(await talk(path, head)), { status: 431, json: { error: { code: 'BAD_REQUEST' } } });
});

t.test('who sends slowly or nothing is cut off, while a command may take longer than all these limits', async (t) => {
  const limits = { headersTimeoutMs: 100, requestTimeoutMs: 200, idleTimeoutMs: 300 };
  const release = Promise.withResolvers<string>();
  const slow: AdminRoute = { method: 'POST', path: '/slow', handle: () => release.promise };
  const { path } = await open(t, [slow], { limits });
  const answer = createAdminClient(path).call('POST', '/slow');
  t.match(parseReply(await talk(path, '')), { status: 408 }, 'nothing at all');
  t.match(parseReply(await talk(path, 'POST /slow HT')), { status: 408 }, 'half a head');
  const halfABody = await talk(path, 'POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n1');
  t.equal(halfABody, '', 'half a body: cut off');
  release.resolve('done');
  t.equal(await answer, 'done');
});

t.test('a pipelined second request is not run', async (t) => {
  const seen: unknown[] = [];
  const { path } = await open(t, [{ method: 'POST', path: '/x', handle: async (body) => seen.push(body) }]);
  const post = (body: string) => `POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n${body}`;
  const raw = await talk(path, post('1') + post('2'));
  t.same(seen, [1]);
  t.equal(raw.match(/HTTP\/1\.1/g)?.length, 1);
  t.match(raw, /connection: close/i);
});

t.test('the seventeenth connection is closed, and the sixteen are not harmed', async (t) => {
  const release = Promise.withResolvers<void>();
  const { path } = await open(t, [{ method: 'GET', path: '/wait', handle: () => release.promise }]);
  const { call } = createAdminClient(path);
  const idle = await Promise.all(
    Array.from({ length: 15 }, async () => {
      const socket = connect(path);
      await once(socket, 'connect');
      return socket;
    }),
  );
  const waiting = call('GET', '/wait');
  await t.rejects(call('GET', '/wait'), { code: 'UNAVAILABLE' });
  release.resolve();
  t.equal(await waiting, null);
  for (const socket of idle) socket.destroy();
});

t.test('close() cuts a command in flight, removes the file at once and can be called again', async (t) => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { path, server } = await open(t, [
    {
      method: 'POST',
      path: '/x',
      handle: () => {
        begun.resolve();
        return release.promise;
      },
    },
  ]);
  const answer = createAdminClient(path).call('POST', '/x');
  const cut = t.rejects(answer, { code: 'UNAVAILABLE', message: /gave no proper answer/ });
  await begun.promise;
  await server.close();
  t.notOk(existsSync(path));
  await cut;
  release.resolve(); // its reply has nowhere to go, and that is no fault
  await server.close();
});
