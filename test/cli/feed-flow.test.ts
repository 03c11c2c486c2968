import { spawnSync } from 'node:child_process';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import type { FeedDeps } from '../../src/cli/feed.ts';
import { openText } from '../../src/cli/feed-text.ts';
import { csv, feed, HEADER, line, upTo } from '../fakes/feed-command.ts';

const NOTHING_SAID = { columns: null, rateHz: null, timeUnit: null, units: {}, skipBad: false };

/** What comes in its own time, and goes on. */
function openFlow(pipe: PassThrough, options: { rateHz?: number } = {}) {
  const source = { name: 'pipe', chunks: pipe, isLive: false, isFile: false, close: () => void pipe.destroy() };
  return openText(source, { ...NOTHING_SAID, ...options });
}

function flowing(t: Pick<Test, 'teardown'>, text: string): PassThrough {
  const pipe = new PassThrough();
  t.teardown(() => pipe.destroy());
  pipe.write(text);
  return pipe;
}

t.test('a pipe that gives little is taken as it is after a second, and nothing of it is lost', async (t) => {
  const pipe = flowing(
    t,
    csv(6, (i) => line(i * 20)),
  );
  const recording = await openFlow(pipe);
  t.equal(recording.rateHz, 5);
  pipe.end(`${line(120)}\n${line(140)}\n`);
  const seqs: number[] = [];
  for await (const { seq } of recording.samples()) seqs.push(seq);
  t.same(seqs, upTo(8));
});

t.test('of a pipe that gives much fifty rows are looked at', async (t) => {
  const { rateHz } = await openFlow(
    flowing(
      t,
      csv(80, (i) => (i === 60 ? 'garbage' : line(i))),
    ),
  );
  t.equal(rateHz, 100);
});

t.test('where the command line says the rate one row is enough', async (t) => {
  const { rateHz } = await openFlow(flowing(t, csv(2)), { rateHz: 50 });
  t.equal(rateHz, 50);
});

t.test('a second that tells no rate is not the end of it', async (t) => {
  const pipe = flowing(t, csv(2));
  const opening = openFlow(pipe);
  setTimeout(() => pipe.write(`${line(2)}\n`), 1200);
  t.equal((await opening).rateHz, 100);
});

t.test('a pipe that breaks while nobody waits for it is told to who waits next', async (t) => {
  const pipe = flowing(t, csv(6));
  const recording = await openFlow(pipe);
  pipe.destroy(new Error('gone'));
  await new Promise((resolve) => setTimeout(resolve, 10));
  await t.rejects(async () => {
    for await (const sample of recording.samples()) t.ok(sample);
  }, /gone/);
});

/** Ends when the first result has come, although the source goes on. */
function untilFirstResult(): Partial<FeedDeps> {
  let interrupt = () => {};
  const onInterrupt = (listener: () => void) => {
    interrupt = listener;
    return () => {};
  };
  return { onInterrupt, stdout: { write: () => interrupt(), writableNeedDrain: false, on: () => {} } };
}

t.test('what has come through a pipe is sent before the next comes', async (t) => {
  const path = join(t.testdir(), 'pipe');
  spawnSync('mkfifo', [path]);
  const pipe = openSync(path, 'r+');
  writeSync(pipe, csv(120));
  const { status, daemon } = await feed(t, { text: '', source: path, deps: untilFirstResult() });
  closeSync(pipe);
  t.equal(status, 130);
  t.ok(daemon.seqs.length >= 100, `${daemon.seqs.length} samples`);
});

t.test('standard input that is a file is looked at as a file is', async (t) => {
  const path = join(
    t.testdir({ 'walk.csv': [HEADER, ...upTo(200).map((i) => line(i < 100 ? i : i + 50)), ''].join('\n') }),
    'walk.csv',
  );
  const fd = openSync(path, 'r');
  const stdin = () => Object.assign(createReadStream(path), { fd });
  const { err } = await feed(t, { text: '', source: '-', deps: { stdin } });
  t.match(err, /1 of the first 199 steps/);
});
