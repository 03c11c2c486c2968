import { PassThrough } from 'node:stream';
import t from 'tap';
import { parseFeed } from '../../src/cli/feed-options.ts';
import type { StreamReach } from '../../src/cli/feed-reach.ts';
import { newTally, type Recording } from '../../src/cli/feed-recording.ts';
import { FeedReport } from '../../src/cli/feed-report.ts';
import { FeedRun } from '../../src/cli/feed-run.ts';
import { createIo } from '../../src/cli/io.ts';
import { reachUrl } from '../../src/reach.ts';
import { csv, feed, line, linesOf, upTo } from '../fakes/feed-command.ts';
import { startStreamDaemon } from '../fakes/stream-daemon.ts';

const QUICK = { firstMs: 1, longestMs: 2, tries: 3, answerMs: 5000 };

/** After the first connection nobody is there until `isBack`. */
function absent(url: string, isBack: (tries: number) => boolean): StreamReach {
  const reach = reachUrl(url, { tokenFile: null });
  let tries = 0;
  return {
    ...reach,
    connect: (...args) => {
      tries += 1;
      if (tries === 1 || isBack(tries)) return reach.connect(...args);
      return Promise.reject(new Error('connect ECONNREFUSED'));
    },
  };
}

function listening() {
  const said: string[] = [];
  return { said, io: createIo({ write: () => {} }, { write: (text) => said.push(text) }, {}) };
}

t.test('what comes only once is not given up, however long the daemon is away', async (t) => {
  const { url } = await startStreamDaemon(t, { breakAfter: 2 });
  const pipe = new PassThrough();
  pipe.end(csv(500));
  const deps = { stdin: () => pipe, patience: QUICK, reach: () => absent(url, (tries) => tries > 30) };
  const { status, out, err } = await feed(t, { text: '', source: '-', deps });
  t.equal(status, 0);
  t.same(
    linesOf(out).map(({ window }) => window),
    upTo(17),
  );
  t.equal(err.match(/No daemon answers/g)?.length, 1, 'said once');
});

t.test('what a sensor gave beyond what is kept is counted and told, also at the end', async (t) => {
  const { url } = await startStreamDaemon(t, { breakAfter: 2 });
  const given = Promise.withResolvers<void>();
  const away = Promise.withResolvers<void>();
  let isGiven = false;
  const [, ...values] = line(0).split(',').map(Number);
  const sample = (seq: number) => ({ seq, timeMs: seq * 10, values: Float32Array.from(values) });
  const source: Recording = {
    name: 'sensor',
    rateHz: 100,
    units: { acc: 'm/s2', gyro: 'rad/s', mag: 'uT' },
    understood: [],
    warnings: [],
    isLive: true,
    isFile: false,
    tally: newTally(),
    async *samples() {
      for (const seq of upTo(200)) yield sample(seq);
      await away.promise;
      for (const seq of upTo(30_000)) yield sample(200 + seq);
      isGiven = true;
      given.resolve();
    },
    close: () => {},
  };
  const { said, io } = listening();
  const options = parseFeed(['x', '--output', 'results']);
  if (options === null) throw new Error('help');
  const reach = absent(url, () => {
    away.resolve();
    return isGiven;
  });
  const stdout = { write: () => {}, writableNeedDrain: false, on: () => {} };
  const chance = { now: () => performance.now(), random: () => 0 };
  const reading = new AbortController();
  await new FeedRun({ io, options, source, reach, stdout, patience: QUICK, reading, ...chance }).toEnd();
  await given.promise;
  const all = said.join('');
  const lost = Number(/warning: (\d+) samples lost during the outage/.exec(all)?.[1]);
  t.ok(lost >= 9_990 && lost <= 10_000, `${lost} of 30000 where 20000 are kept`);
  t.match(all, new RegExp(`, ${lost} samples lost during the outage, 1 times connected again`));
  t.notMatch(all, /thrown away/);
});

t.test('an outage that lasts is told again after ten minutes, not before', async (t) => {
  const { said, io } = listening();
  const report = new FeedReport(io);
  for (const minutes of [1, 2, 10.9, 11.1, 12, 21.2]) report.trouble('nobody is there', minutes * 60_000);
  t.equal(said.length, 3);
});
