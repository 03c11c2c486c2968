import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { createBearerGuard } from '../../src/http/bearer.ts';
import { eventually, openRaw, reply, route, type Serving, serve } from './serving.ts';

const peers = [route('/peer', (call) => reply(call.peer))];

function socketPath(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'http-')); // a socket's path must be short
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'http.sock');
}

/** A server on TCP and, at `path`, on a Unix socket. */
async function serveAt(t: Test, path: string, mode = 0o660, deps: Parameters<typeof serve>[2] = {}): Promise<Serving> {
  const serving = await serve(t, peers, deps);
  await serving.server.listenAt(path, mode);
  return serving;
}

function ask(socketPath: string, path = '/peer'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false }, async (response) =>
      resolve({ status: response.statusCode ?? 0, body: await text(response) }),
    );
    asked.once('error', reject);
    asked.end();
  });
}

t.test('both doors answer, and each call tells by which it came', async (t) => {
  const path = socketPath(t);
  const { url } = await serveAt(t, path);
  t.same(await ask(path), { status: 200, body: 'unix' });
  t.equal(await (await fetch(`${url}/peer`)).text(), '127.0.0.1');
});

for (const mode of [0o600, 0o660, 0o666]) {
  t.test(`the socket has mode ${mode.toString(8)}, whatever the umask, and nothing lies beside it`, async (t) => {
    const path = socketPath(t);
    const umask = process.umask(0o077);
    t.teardown(() => process.umask(umask));
    await serveAt(t, path, mode);
    t.equal(lstatSync(path).mode & 0o777, mode);
    t.same(readdirSync(join(path, '..')), ['http.sock']);
    t.equal(process.umask(), 0o077, 'and the umask is as before');
  });
}

t.test('whom the permissions let in is not asked for a token', async (t) => {
  const path = socketPath(t);
  const { url } = await serveAt(t, path, 0o660, { guard: createBearerGuard('0123456789abcdef') });
  t.equal((await fetch(`${url}/peer`)).status, 401);
  t.equal((await ask(path)).status, 200);
});

t.test('who fills one door does not lock anybody out of the other', async (t) => {
  const path = socketPath(t);
  const limits = { maxBodyBytes: 1, maxConnections: 1 };
  let refused = 0;
  const onConnectionRefused = () => {
    refused += 1;
  };
  const { port, url, server } = await serveAt(t, path, 0o660, { limits, onConnectionRefused });
  const stranger = await openRaw(t, port);
  await eventually(() => server.connections === 1);
  t.equal((await ask(path)).status, 200, 'the socket answers');
  await (await openRaw(t, port)).closed;
  t.equal(refused, 1, 'TCP is full');
  stranger.socket.destroy();
  await eventually(() => server.connections === 0);
  const local = connect(path);
  t.teardown(() => local.destroy());
  await eventually(() => server.connections === 1);
  await t.rejects(ask(path), { code: /ECONNRESET|EPIPE/ }, 'the socket has a limit, too');
  t.equal((await fetch(`${url}/peer`)).status, 200, 'TCP answers');
  t.equal(refused, 2);
});

t.test('a drain takes the file away and lets nobody new in; a close ends the connections', async (t) => {
  const path = socketPath(t);
  const answer = Promise.withResolvers<ReturnType<typeof reply>>();
  const { server } = await serve(t, [route('/slow', () => answer.promise)]);
  await server.listenAt(path, 0o600);
  const waiting = ask(path, '/slow');
  await eventually(() => server.inFlight === 1);
  const drained = server.drain();
  t.notOk(existsSync(path));
  await t.rejects(ask(path), { code: 'ENOENT' });
  answer.resolve(reply('late'));
  await drained;
  t.match(await waiting, { body: 'late' });
  server.close();
  t.equal(server.connections, 0);
});

t.test('at the end only the socket that is ours is removed', async (t) => {
  const path = socketPath(t);
  const { server } = await serveAt(t, path);
  rmSync(path);
  writeFileSync(path, 'precious');
  server.close();
  t.equal(readFileSync(path, 'utf8'), 'precious');
});

t.test('what is no socket is never deleted', async (t) => {
  const path = socketPath(t);
  writeFileSync(path, 'precious');
  await t.rejects(serveAt(t, path), {
    code: 'UNAVAILABLE',
    message: /Unix socket .* \(server\.unix_socket\) .*not touched; move it away/,
  });
  t.equal(readFileSync(path, 'utf8'), 'precious');
});

t.test('a living owner keeps his socket', async (t) => {
  const path = socketPath(t);
  await serveAt(t, path);
  await t.rejects(serveAt(t, path), { code: 'PORT_IN_USE', message: /owns the Unix socket .*server\.unix_socket/ });
  t.equal((await ask(path)).status, 200);
});

t.test('of servers that start at once at a path, one wins', async (t) => {
  const path = socketPath(t);
  const results = await Promise.allSettled([serveAt(t, path), serveAt(t, path), serveAt(t, path)]);
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  t.same(readdirSync(join(path, '..')), ['http.sock']);
  t.equal((await ask(path)).status, 200);
});

t.test('what a killed daemon left is replaced', async (t) => {
  const path = socketPath(t);
  const other = createNetServer().listen(`${path}.old`);
  await new Promise((resolve) => other.once('listening', resolve));
  const { linkSync } = await import('node:fs');
  linkSync(`${path}.old`, path); // closing removes the one name, and leaves a socket without an owner at the other
  await new Promise((resolve) => other.close(resolve));
  t.ok(lstatSync(path).isSocket());
  await serveAt(t, path);
  t.equal((await ask(path)).status, 200);
});

t.test('a place that cannot be used is named, with what to do', async (t) => {
  const missing = { code: 'UNAVAILABLE', message: /is no directory; under systemd RuntimeDirectory=/ };
  await t.rejects(serveAt(t, join(socketPath(t), 'none', 'x.sock')), missing);
  await t.rejects(serveAt(t, `/tmp/${'x'.repeat(100)}`), { message: /longer than the 99 bytes/ });
  await t.rejects(serveAt(t, '/proc/self/x.sock'), { code: 'UNAVAILABLE', message: /\(server\.unix_socket\) cannot/ });
});
