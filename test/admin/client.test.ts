import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { createAdminClient, DaemonAbsent } from '../../src/admin/client.ts';
import { SidecarError } from '../../src/core/errors.ts';
import { open, socketPath } from './admin-socket.ts';

t.test('no daemon is an outcome of its own: no socket, or nobody behind it', async (t) => {
  const path = socketPath(t);
  const error = await createAdminClient(path)
    .call('GET', '/x')
    .catch((thrown) => thrown);
  t.ok(error instanceof DaemonAbsent && error instanceof SidecarError);
  t.match(error, { code: 'UNAVAILABLE', message: /systemctl start hailo-tcn-sidecar/ });
  await open(t, [], { path }).then(({ server }) => server.close());
  t.ok(
    (await createAdminClient(path)
      .call('GET', '/x')
      .catch((thrown) => thrown)) instanceof DaemonAbsent,
  );
});

const skip = process.getuid?.() === 0 ? false : 'only root can become another user';
t.test('a socket that this user may not open asks for sudo', { skip }, async (t) => {
  const { path } = await open(t, []);
  process.seteuid?.(54_321);
  const call = createAdminClient(path).call('GET', '/x');
  await call.catch(() => process.seteuid?.(0));
  await t.rejects(call, { code: 'FORBIDDEN', message: /run it with sudo/ });
});

t.test('the daemon’s code and sentence arrive; an unknown code keeps its sentence', async (t) => {
  const path = await answering(t, [
    reply(409, '{"error":{"code":"CONFLICT","message":"Another activation runs."}}'),
    reply(499, '{"error":{"code":"FROM_THE_FUTURE","message":"Later."}}'),
  ]);
  const { call } = createAdminClient(path);
  await t.rejects(call('POST', '/x'), { code: 'CONFLICT', message: 'Another activation runs.' });
  await t.rejects(call('POST', '/x'), { code: 'UNAVAILABLE', message: 'Later.' });
});

t.test('an answer that makes no sense is no answer', async (t) => {
  const bad = [
    reply(200, 'hello'),
    reply(500, '{}'),
    reply(500, 'null'),
    '',
    'SSH-2.0-x\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a"',
  ];
  const { call } = createAdminClient(await answering(t, bad));
  for (const raw of bad)
    await t.rejects(call('GET', '/x'), { code: 'UNAVAILABLE', message: /no proper answer/ }, JSON.stringify(raw));
});

t.test('a reply without end is cut', async (t) => {
  const { call } = createAdminClient(await answering(t, [reply(200, `"${'x'.repeat(5 * 1024 * 1024)}"`)]));
  await t.rejects(call('GET', '/x'), { code: 'UNAVAILABLE', message: /more than 4194304 bytes/ });
});

t.test('who does not answer in time is not waited for, and it is said that the command may go on', async (t) => {
  const never = Promise.withResolvers<void>();
  const { path } = await open(t, [{ method: 'POST', path: '/x', handle: () => never.promise }]);
  const call = createAdminClient(path).call('POST', '/x', {}, { timeoutMs: 100 });
  await t.rejects(call, { code: 'DEADLINE_EXCEEDED', message: /within 0.1 s; what it was told may still be going on/ });
  const half = await answering(t, ['HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a"'], 'stays open');
  await t.rejects(createAdminClient(half).call('GET', '/x', undefined, { timeoutMs: 100 }), {
    code: 'DEADLINE_EXCEEDED',
  });
});

const reply = (status: number, body: string) => `HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

/** A listener that gives one raw answer after the other. */
async function answering(
  t: Parameters<typeof socketPath>[0],
  answers: readonly string[],
  then = 'closes',
): Promise<string> {
  const path = socketPath(t);
  const left = [...answers];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => (then === 'closes' ? socket.end(left.shift() ?? '') : socket.write(left.shift() ?? '')));
  }).listen(path);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return path;
}
