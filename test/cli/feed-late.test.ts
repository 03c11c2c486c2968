import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { reachUrl } from '../../src/reach.ts';
import { csv, feed } from '../fakes/feed-command.ts';
import { startStreamDaemon } from '../fakes/stream-daemon.ts';

t.test('a result that comes after the end is heard by nobody', async (t) => {
  const said: string[] = [];
  let sayAgain = () => {};
  const { url } = await startStreamDaemon(t);
  const { connect, ...reach } = reachUrl(url, { tokenFile: null });
  const connectAndListen: typeof connect = (path, protocol, listener, signal) => {
    const onText = (message: string) => {
      said.push(message);
      listener.onText(message);
    };
    sayAgain = () => {
      const late = said.find((message) => JSON.parse(message).type === 'result') ?? '';
      listener.onText(JSON.stringify({ ...JSON.parse(late), window: 99 }));
    };
    return connect(path, protocol, { ...listener, onText }, signal);
  };
  const printed: string[] = [];
  const stdout = { write: (text: string) => printed.push(text), writableNeedDrain: false, on: () => {} };
  const saved = join(t.testdir(), 'saved.ndjson');
  const argv = ['--save', saved, '--output', 'bar'];
  const deps = { stdout, reach: () => ({ ...reach, connect: connectAndListen }) };
  t.equal((await feed(t, { text: csv(300), argv, deps })).status, 0);
  const [bar, file] = [printed.join(''), readFileSync(saved, 'utf8')];
  t.doesNotThrow(sayAgain);
  t.same([printed.join(''), readFileSync(saved, 'utf8')], [bar, file]);
});
