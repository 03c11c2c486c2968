import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import t from 'tap';
import { createAdminClient } from '../../src/admin/client.ts';
import { openAdminServer } from '../../src/admin/server.ts';
import { createLines, ME, open, socketPath } from './admin-socket.ts';

const PING = { method: 'GET', path: '/ping', handle: async () => 'pong' } as const;
const tryOpen = (path: string) =>
  openAdminServer({ path, routes: [], allowedUids: [], peerOf: () => ME, log: createLines().log });

t.test('a second daemon is told that there is one, and the first serves on', async (t) => {
  const { path } = await open(t, [PING]);
  await t.rejects(tryOpen(path), { code: 'PORT_IN_USE', message: /Another daemon owns the admin socket/ });
  t.equal(await createAdminClient(path).call('GET', '/ping'), 'pong');
});

t.test('of two daemons that start at once over a stale socket, exactly one wins', async (t) => {
  const path = await leaveStale(t);
  const results = await Promise.allSettled([tryOpen(path), tryOpen(path), tryOpen(path)]);
  const winners = results.filter((result) => result.status === 'fulfilled');
  t.equal(winners.length, 1);
  t.match(
    results.filter((result) => result.status === 'rejected').map(({ reason }) => reason.code),
    ['PORT_IN_USE', 'PORT_IN_USE'],
  );
  t.ok(existsSync(path), 'and its socket is in place');
  t.same(readdirSync(dirname(path)), ['admin.sock'], 'with nothing beside it');
  await winners[0]?.value.close();
});

t.test('what a killed daemon left is replaced', async (t) => {
  const path = await leaveStale(t);
  t.ok(existsSync(path), 'the file is there');
  await open(t, [PING], { path });
  t.equal(await createAdminClient(path).call('GET', '/ping'), 'pong');
});

t.test('the directory may be reached through a link, as /var/run is', async (t) => {
  const path = socketPath(t);
  symlinkSync(dirname(path), `${dirname(path)}/link`);
  await open(t, [PING], { path: `${dirname(path)}/link/a.sock` });
  t.ok(existsSync(`${dirname(path)}/a.sock`));
});

t.test('what is no socket is never deleted', async (t) => {
  const file = socketPath(t);
  writeFileSync(file, 'precious');
  await t.rejects(tryOpen(file), { code: 'UNAVAILABLE', message: /not touched; move it away/ });
  t.equal(readFileSync(file, 'utf8'), 'precious');
  const folder = socketPath(t);
  mkdirSync(folder);
  await t.rejects(tryOpen(folder), { code: 'UNAVAILABLE' });
  t.ok(existsSync(folder));
  const link = socketPath(t);
  symlinkSync(file, link);
  await t.rejects(tryOpen(link), { code: 'UNAVAILABLE' });
  t.equal(readFileSync(link, 'utf8'), 'precious');
});

t.test('a place that cannot be used is named, with what to do', async (t) => {
  const path = socketPath(t);
  await t.rejects(tryOpen(`${dirname(path)}/none/x.sock`), { code: 'UNAVAILABLE', message: /RuntimeDirectory=/ });
  t.notOk(existsSync(`${dirname(path)}/none`), 'a directory is never made');
  await t.rejects(tryOpen(`/tmp/${'x'.repeat(100)}`), { code: 'UNAVAILABLE', message: /longer than the 99 bytes/ });
  writeFileSync(path, '');
  await t.rejects(tryOpen(`${path}/x.sock`), { code: 'UNAVAILABLE' }, 'below a file');
});

t.test('a socket that somebody listens on without speaking HTTP is another’s as well', async (t) => {
  const path = socketPath(t);
  const other = createServer().listen(path);
  await once(other, 'listening');
  await t.rejects(tryOpen(path), { code: 'PORT_IN_USE' });
  t.ok(existsSync(path));
  other.close();
});

/** The socket file of a process that was killed. */
async function leaveStale(t: Parameters<typeof socketPath>[0]): Promise<string> {
  const path = socketPath(t);
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return path;
}
