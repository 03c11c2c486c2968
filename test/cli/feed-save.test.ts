import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, linkSync, openSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { refuseSameFile } from '../../src/cli/feed-same-file.ts';
import { csv, feed, linesOf, upTo } from '../fakes/feed-command.ts';
import { startStreamDaemon } from '../fakes/stream-daemon.ts';

const FILL = `
import { SavedResults } from ${JSON.stringify(join(import.meta.dirname, '../../src/cli/feed-save.ts'))};
const saved = new SavedResults(process.argv[2]);
saved.open();
try {
  for (let window = 0; ; window += 1) saved.add({ type: 'result', window, rest: 'x'.repeat(50) });
} catch (error) {
  console.log(error.message);
}
`;

const PRINT = `
import { main } from ${JSON.stringify(join(import.meta.dirname, '../../src/main.ts'))};
process.exitCode = await main(['feed', ...process.argv.slice(2)]);
`;

t.test('standard output that takes no more is told as such', async (t) => {
  const { url } = await startStreamDaemon(t);
  const directory = t.testdir({ 'print.ts': PRINT, 'walk.csv': csv(300) });
  const full = openSync('/dev/full', 'w');
  const argv = [join(directory, 'print.ts'), join(directory, 'walk.csv'), '--url', url];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', full, 'pipe'] });
  if (child.stderr === null) throw new Error('no pipe');
  closeSync(full);
  const [err, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  t.equal(status, 69);
  t.match(err, /error: feed: standard output cannot be written any further \(ENOSPC/);
});

t.test('results are saved beside what is printed', async (t) => {
  const save = join(t.testdir(), 'saved.ndjson');
  const { status, out } = await feed(t, { text: csv(300), argv: ['--save', save] });
  t.equal(status, 0);
  t.equal(linesOf(out).length, 9);
  t.equal(readFileSync(save, 'utf8'), out);
});

t.test('what is read is never written over, whatever it is called', async (t) => {
  const directory = t.testdir({ 'walk.csv': csv(300) });
  const at = (name: string) => join(directory, name);
  symlinkSync('walk.csv', at('soft.csv'));
  linkSync(at('walk.csv'), at('hard.csv'));
  const refusal = { code: 'USAGE', message: /--save: .* which is read: name another file/ };
  for (const save of ['walk.csv', 'soft.csv', 'hard.csv']) {
    const { error } = await feed(t, { text: '', source: at('walk.csv'), argv: ['--save', at(save)] });
    t.match(error, refusal, save);
  }
  const fd = openSync(at('walk.csv'), 'r');
  const stdin = () => Object.assign(Readable.from([]), { fd });
  const { error } = await feed(t, { text: '', source: '-', argv: ['--save', at('walk.csv')], deps: { stdin } });
  closeSync(fd);
  t.match(error, { ...refusal, message: /is what comes on standard input/ });
  t.equal(readFileSync(at('walk.csv'), 'utf8'), csv(300));
});

t.test('a pipe or a device that is read is not written to', async (t) => {
  const directory = t.testdir();
  const pipe = join(directory, 'pipe');
  spawnSync('mkfifo', [pipe]);
  t.throws(() => refuseSameFile(pipe, pipe, undefined), { code: 'USAGE' });
  t.throws(() => refuseSameFile('/dev/null', '/dev/null', undefined), { code: 'USAGE' });
  t.doesNotThrow(() => refuseSameFile('/dev/null', '/dev/zero', undefined));
  t.doesNotThrow(() => refuseSameFile(join(directory, 'new'), pipe, undefined));
});

t.test('a file is left as it was until a daemon takes the samples', async (t) => {
  const directory = t.testdir({ 'saved.ndjson': 'of yesterday', 'walk.csv': csv(300) });
  const [save, source] = [join(directory, 'saved.ndjson'), join(directory, 'walk.csv')];
  const argv = ['--save', save, '--url', 'http://127.0.0.1:1'];
  t.match((await feed(t, { text: '', source, argv })).error, { code: 'UNAVAILABLE' });
  t.equal(readFileSync(save, 'utf8'), 'of yesterday');
});

t.test('a disk that is full ends it with a sentence, after what there is', async (t) => {
  const { error, err } = await feed(t, { text: csv(3000), argv: ['--save', '/dev/full'] });
  t.match(error, {
    code: 'UNAVAILABLE',
    message: /--save: \/dev\/full cannot be written any further \(.*ENOSPC.*first 0/,
  });
  t.match(err, /walk\.csv: \d+ samples .*, not to the end/);
});

t.test('what was saved before the disk was full is kept, in whole lines', async (t) => {
  const directory = t.testdir({ 'fill.ts': FILL });
  const [save, script] = [join(directory, 'saved.ndjson'), join(directory, 'fill.ts')];
  const limited = ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, script, save];
  const { stdout, stderr } = spawnSync('sh', limited, { encoding: 'utf8' });
  t.match(stdout, /cannot be written any further \(.*EFBIG.*It holds the first \d+ results/, stderr);
  const windows = linesOf(readFileSync(save, 'utf8')).map(({ window }) => window);
  t.ok(windows.length > 3, `${windows.length} results`);
  t.same(windows, upTo(windows.length));
  t.match(stdout, `first ${windows.length} results`);
});
