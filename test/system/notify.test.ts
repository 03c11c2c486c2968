import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createNotify, openLibsystemd } from '../../src/system/notify.ts';
import { bindDatagramSocket } from '../fakes/datagram-socket.ts';

async function collect(env: NodeJS.ProcessEnv) {
  const sent: string[] = [];
  const notify = await createNotify(env, 42, async () => (state) => sent.push(state));
  return { notify, sent };
}

t.test('each call says what systemd expects', async (t) => {
  const { notify, sent } = await collect({ NOTIFY_SOCKET: '/run/x' });
  notify.ready('serving');
  notify.sendStatus('two\nlines');
  notify.watchdog();
  notify.reloading('reading');
  notify.stopping('draining');
  notify.extendTimeout(1500.5);
  t.match(sent, [
    'READY=1\nSTATUS=serving',
    'STATUS=two lines',
    'WATCHDOG=1',
    /^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reading$/,
    'STOPPING=1\nSTATUS=draining',
    'EXTEND_TIMEOUT_USEC=1501000',
  ]);
});

t.test('without NOTIFY_SOCKET nothing is sent and no library is loaded', async (t) => {
  const notify = await createNotify({}, 42, async () => {
    throw new Error('loaded');
  });
  notify.ready('serving');
  t.equal(notify.watchdogInterval(), null);
});

t.test('the watchdog is ours only when WATCHDOG_PID says so', async (t) => {
  const intervals = [
    { WATCHDOG_USEC: '30000000' },
    { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' },
    { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' },
    { WATCHDOG_USEC: 'x' },
    {},
  ].map(async (env) => (await createNotify(env, 42)).watchdogInterval());
  t.same(await Promise.all(intervals), [30000, 30000, null, null, null]);
});

const skip = hasLibsystemd() ? false : 'libsystemd.so.0 is not on this machine';
t.test('a real datagram reaches a real socket through libsystemd', { skip }, async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'n-')), 'socket'); // a socket's path may have 107 bytes;
  const socket = bindDatagramSocket(path);
  process.env.NOTIFY_SOCKET = path; // libsystemd reads the real environment
  t.teardown(() => {
    delete process.env.NOTIFY_SOCKET;
    socket.close();
  });
  (await createNotify(process.env, process.pid)).ready('serving');
  t.equal(socket.receive(), 'READY=1\nSTATUS=serving');
});

t.test('NOTIFY_SOCKET without libsystemd is an error that names the package', async (t) => {
  const missing = () => Promise.reject(new Error('cannot open shared object file'));
  await t.rejects(
    createNotify({ NOTIFY_SOCKET: '/run/x' }, 1, () => openLibsystemd(missing)),
    {
      code: 'NATIVE_MISSING',
      message: /libsystemd0/,
    },
  );
});

function hasLibsystemd(): boolean {
  return execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).includes('libsystemd.so.0');
}
