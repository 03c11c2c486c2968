import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { createAdminClient } from '../../src/admin/client.ts';
import { openPeerOf, type Peer, toAllowedUids } from '../../src/admin/peer.ts';
import { open, parseReply, socketPath } from './admin-socket.ts';

const ownUid = process.getuid?.() ?? -1;
const STRANGER = 54_321;
const PING = { method: 'GET', path: '/ping', handle: async () => 'pong' } as const;

t.test('the kernel names user, group and process of a connection', async (t) => {
  const path = socketPath(t);
  const peerOf = await openPeerOf();
  const server = createServer().listen(path);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect(path);
  const [socket] = await accepted;
  t.same(peerOf(socket), { uid: ownUid, gid: process.getgid?.() ?? -1, pid: process.pid } satisfies Peer);
  client.destroy();
  socket.destroy();
  t.equal(peerOf(socket), null, 'a closed connection has no peer');
  server.close();
});

t.test('what is no connected Unix socket has no peer', async (t) => {
  const peerOf = await openPeerOf();
  t.equal(peerOf({} as Socket), null);
  t.equal(peerOf({ _handle: { fd: -1 } } as unknown as Socket), null);
  t.equal(peerOf({ _handle: { fd: 1_000_000 } } as unknown as Socket), null);
});

t.test('without libc there is no asking, and no silent yes', async (t) => {
  const missing = () => Promise.reject(new Error('cannot open shared object file'));
  await t.rejects(openPeerOf(missing), { code: 'NATIVE_MISSING', message: /no command is taken/ });
});

t.test('root and the own user may command; the uid that stands for all unmapped ones may not', async (t) => {
  t.same(toAllowedUids(1000), [0, 1000]);
  t.same(toAllowedUids(65534), [0]);
});

t.test('the own user is let in by its real credentials', async (t) => {
  const { path } = await open(t, [PING], { peerOf: await openPeerOf(), allowedUids: toAllowedUids(ownUid) });
  t.equal(await createAdminClient(path).call('GET', '/ping'), 'pong');
});

t.test('a peer that cannot be told is refused, and nothing runs', async (t) => {
  let ran = 0;
  const routes = [{ method: 'GET', path: '/x', handle: async () => ran++ } as const];
  const { path, lines } = await open(t, routes, { peerOf: () => null });
  await t.rejects(createAdminClient(path).call('GET', '/x'), { code: 'FORBIDDEN', message: /cannot tell who asks/ });
  t.equal(ran, 0);
  t.match(lines, [{ level: 'warn' }]);
});

t.test('a peer of another uid is refused with the remedy, and the log names uid and pid', async (t) => {
  const { path, lines } = await open(t, [PING], { peerOf: () => ({ uid: 1001, gid: 1001, pid: 77 }) });
  await t.rejects(createAdminClient(path).call('GET', '/ping'), {
    code: 'FORBIDDEN',
    message: 'User 1001 may not command the daemon: run it with sudo.',
  });
  t.match(lines, [{ level: 'warn', fields: { uid: 1001, pid: 77 }, message: /refused/ }]);
});

const skip = ownUid === 0 ? false : 'only root can become another user';
t.test('a real stranger is refused even where the modes of files let it through', { skip }, async (t) => {
  const { path, lines } = await open(t, [PING], { peerOf: await openPeerOf(), allowedUids: toAllowedUids(ownUid) });
  chmodSync(dirname(path), 0o711);
  chmodSync(path, 0o666);
  const { pid, raw } = await askAs(STRANGER, path);
  t.match(parseReply(raw), { status: 403, json: { error: { code: 'FORBIDDEN', message: /run it with sudo/ } } });
  t.match(lines, [{ level: 'warn', fields: { uid: STRANGER, pid } }]);
});

t.test('the mode of the socket alone keeps a stranger out', { skip }, async (t) => {
  const { path, lines } = await open(t, [PING], { peerOf: await openPeerOf(), allowedUids: toAllowedUids(ownUid) });
  chmodSync(dirname(path), 0o711);
  t.equal((await askAs(STRANGER, path)).raw, 'EACCES');
  t.same(lines, []);
});

/** Sends one request as another user; resolves with the raw reply, or the error's code. */
async function askAs(uid: number, path: string): Promise<{ pid: number; raw: string }> {
  const script = `const s = require('node:net').connect(process.argv[1], () => s.write('GET /ping HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n'));
    s.on('data', (d) => process.stdout.write(d)); s.on('error', (e) => process.stdout.write(e.code));`;
  const child = spawn(process.execPath, ['-e', script, path], {
    uid,
    gid: uid,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { pid: child.pid ?? -1, raw: await text(child.stdout) };
}
