import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startStreamDaemon } from '../fakes/stream-daemon.ts';
import { ROOT } from './launch.ts';

const ROWS = Array.from({ length: 3000 }, (_, i) => `${i * 10},1,2,9.81,0,0,0,22,0,-43`);
const CSV = `t_ms,ax,ay,az,gx,gy,gz,mx,my,mz\n${ROWS.join('\n')}\n`;

const ENTRY = join(ROOT, 'packaging', 'single-file', 'entry.ts');

/** The program from the sources, as a shell starts it. */
const shell = (args: string, behind: string) =>
  spawn('bash', ['-c', `exec 3>&1; { "${process.execPath}" "${ENTRY}" feed ${args}; echo "status $?" >&3; }${behind}`]);

t.test('a recording through a pipe that is closed early ends quietly', async (t) => {
  const { url } = await startStreamDaemon(t, { delayMs: 1 });
  const file = join(t.testdir(), 'walk.csv');
  writeFileSync(file, CSV);
  const child = shell(`${file} --url ${url}`, ' | head -n 1');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  t.match(out, /^\{"type":"result","window":0,.*\}\nstatus 0\n$/);
  t.notMatch(err, /error|windows/);
});

t.test('^C prints what there is, tells the daemon and ends with 130', async (t) => {
  const daemon = await startStreamDaemon(t);
  const file = join(t.testdir(), 'walk.csv');
  writeFileSync(file, CSV);
  const args = [ENTRY, 'feed', file, '--url', daemon.url, '--speed', '1', '--output', 'results'];
  const child = spawn(process.execPath, args);
  const err = text(child.stderr);
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [status] = await once(child, 'close');
  t.equal(status, 130);
  t.equal(daemon.ended, 1);
  t.match(await err, /walk\.csv: \d+ samples .* [1-9]\d* windows/);
});

t.test('standard input that never ends does not keep a feed that was stopped', async (t) => {
  const daemon = await startStreamDaemon(t);
  const child = spawn(process.execPath, [ENTRY, 'feed', '-', '--url', daemon.url]);
  child.stdin.write(CSV);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [status] = await once(child, 'close');
  t.equal(status, 130);
});
