import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import type { FeedDeps } from '../../src/cli/feed.ts';
import { reachUrl } from '../../src/reach.ts';
import { csv, feed, HEADER, line, linesOf, upTo } from '../fakes/feed-command.ts';
import { readAttribute, writeIioTree } from '../fakes/iio-tree.ts';
import { startStreamDaemon } from '../fakes/stream-daemon.ts';

t.test('a file goes in, each sample once, and a result for each window comes out', async (t) => {
  const { status, out, err, daemon } = await feed(t, { text: csv(1000) });
  t.equal(status, 0);
  t.same(daemon.seqs, upTo(1000));
  t.same(daemon.values.get(999), [-1, 999, Math.fround(9.81), 0, 0, 0, 22, 0, -43]);
  const channels = HEADER.split(',').slice(1);
  t.match(daemon.hellos, [{ rate_hz: 100, channels, name: 'walk.csv', max_age_ms: 600_000 }]);
  t.same(
    linesOf(out).map(({ type, window }) => [type, window]),
    upTo(37).map((i) => ['result', i]),
  );
  t.match(err, /times from t_ms \(ms\): 100 Hz/);
  t.match(err, /walk\.csv: 1000 samples \(10\.0 s at 100 Hz\), 37 windows, 0 dropped, 0 gaps; fake@1 on cpu/);
});

t.test('however slow the daemon is, nothing is sent beyond what it takes', async (t) => {
  const { daemon, status } = await feed(t, { text: csv(2000), daemon: { maxAhead: 200, delayMs: 1 } });
  t.equal(status, 0);
  t.same(daemon.seqs, upTo(2000));
  t.ok(daemon.farthestAhead < 200, `${daemon.farthestAhead} samples ahead`);
  t.ok(daemon.farthestAhead > 150, 'and yet it is made use of');
});

t.test('a connection that breaks is taken up where it was: no window is lost, none comes twice', async (t) => {
  const { daemon, status, out, err } = await feed(t, {
    text: csv(2000),
    daemon: { breakAfter: 20, delayMs: 1, early: 30 },
  });
  t.equal(status, 0);
  t.match(daemon.hellos[1], { resume: { token: 'token-1', last_window: 19 } });
  t.same(daemon.paths, ['/stream', '/stream?resume=1'], 'a full daemon has room for those who come back');
  t.same(
    linesOf(out).map(({ window }) => window),
    upTo(77),
  );
  t.same(daemon.begins[1], { told: 530, seq: 530 }, 'and nothing is sent that is not needed');
  t.match(err, /the connection broke; connecting again …\n.*goes on where it was/);
});

t.test('a daemon that knows the stream no more begins anew with the next window, and this is said', async (t) => {
  const { daemon, status, out, err } = await feed(t, {
    text: csv(2000),
    daemon: { breakAfter: 20, early: 30, forgets: true, breakCode: 1012, breakReason: 'SHUTTING_DOWN: it restarts' },
  });
  t.equal(status, 0);
  t.same(
    linesOf(out).map(({ start_ms }) => start_ms),
    upTo(77).map((i) => i * 250),
    'windows go on where they were',
  );
  t.equal(linesOf(out)[20].window, 0, 'with the numbers that the daemon gave');
  t.equal(daemon.hellos.length, 2);
  t.match(err, /the daemon restarts \(SHUTTING_DOWN: it restarts\).*\n.*a new stream.*the token is not known here/);
});

t.test('what the daemon refuses for good ends the feed with its sentence', async (t) => {
  const daemon = { breakAfter: 3, breakCode: 1008, breakReason: 'RATE_LIMITED: too many refused frames' };
  const { error, out } = await feed(t, { text: csv(1000), daemon });
  t.match(error, { message: /The stream to http.* is lost: .*RATE_LIMITED: too many refused frames/ });
  t.equal(linesOf(out).length, 3, 'after what there was');
  const taken = await feed(t, { text: csv(1000), daemon: { breakAfter: 3, breakCode: 4001 } });
  t.match(taken.error, { code: 'UNAVAILABLE', message: /another connection has resumed this stream/ });
});

t.test('a full daemon is asked again as politely as it asks for, one without streams is not', async (t) => {
  const refuse = { times: 2, status: 503, headers: { 'retry-after-ms': '1' } };
  const later = await feed(t, { text: csv(200), daemon: { refuse } });
  t.match(later, { status: 0, err: /refuses the stream with 503: no room for another stream/ });
  const old = await feed(t, { text: csv(200), daemon: { refuse: { times: 1, status: 404 } } });
  t.match(old.error, { code: 'UNAVAILABLE', message: /has no streams/ });
  const closed = await feed(t, { text: csv(200), argv: ['--url', 'http://127.0.0.1:1'] });
  t.match(closed.error, {
    code: 'UNAVAILABLE',
    message: /No daemon answers at http:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED/,
  });
});

t.test('a daemon that is lost and does not come back is given up', async (t) => {
  let tries = 0;
  const { error, out } = await feed(t, {
    text: csv(1000),
    daemon: { breakAfter: 5 },
    deps: {
      reach: (url) => {
        const reach = reachUrl(url ?? '', { tokenFile: null });
        return {
          ...reach,
          connect: (...args) => {
            tries += 1;
            return tries === 1 ? reach.connect(...args) : Promise.reject(new Error('connect ECONNREFUSED'));
          },
        };
      },
    },
    argv: ['--url', (await startStreamDaemon(t, { breakAfter: 5 })).url],
  });
  t.match(error, { code: 'UNAVAILABLE', message: /No daemon answers/ });
  t.equal(tries, 5);
  t.equal(linesOf(out).length, 5);
});

t.test('a missing value is a missing sample, told and counted, never made up', async (t) => {
  const text = csv(1000, (i) => (i === 400 ? line(i).replace(',9.81,', ',,') : line(i)));
  const { daemon, err, status } = await feed(t, { text });
  t.equal(status, 0);
  t.same(
    daemon.seqs,
    upTo(1000).filter((i) => i !== 400),
  );
  t.match(err, /a gap at 3990 to 4010 ms: 1 samples are missing; restarted/);
  t.match(err, /999 samples .*, 1 gaps, 1 samples with a value missing/);
});

t.test('what looks wrong is told once, with what to do', async (t) => {
  const gyro = { type: 'notice', code: 'gyro_deg_s', message: 'gyro looks like deg/s', count: 1 };
  const late = { type: 'notice', code: 'late', message: 'samples came late', count: 3 };
  const refused = {
    type: 'error',
    error: { code: 'INVALID_INPUT', message: 'no such frame' },
    detail: null,
    close: null,
  };
  const dropped = { type: 'dropped', count: 2, total: 2, code: 'DEADLINE_EXCEEDED', message: 'too old', next_seq: 0 };
  const { err, status } = await feed(t, {
    text: csv(200),
    daemon: { says: [gyro, gyro, late, refused, refused, dropped, dropped], dropped: 2 },
  });
  t.equal(status, 0);
  const warnings = err.split('\n').filter((text) => text.startsWith('warning: '));
  t.same(warnings, [
    'warning: gyro looks like deg/s: if it is, say --gyro-unit deg/s',
    'warning: samples came late',
    'warning: a frame is refused: no such frame',
    'warning: windows are dropped: too old',
  ]);
  t.match(err, /5 windows, 2 dropped, 0 gaps, 2 frames refused;/);
});

t.test('how many windows were dropped is for the daemon to say, message or not', async (t) => {
  const says = [{ type: 'dropped', count: 1, total: 1, code: 'QUEUE_FULL', message: 'too much', next_seq: 0 }];
  const { err } = await feed(t, { text: csv(300), daemon: { says, dropped: 5 } });
  t.match(err, /9 windows, 5 dropped/);
});

t.test('where no frame is taken this is the reason that is told, and no success', async (t) => {
  const refusal = 'Gyroscope value out of range: 120; the unit is rad/s, within ±35: divide deg/s by 57.3.';
  const { status, error, err } = await feed(t, { text: csv(300), daemon: { refusal } });
  t.equal(status, null);
  t.match(error, { code: 'INVALID_INPUT', message: /no result: the daemon refused \d+ frames .*--gyro-unit deg\/s/ });
  t.match(err, /warning: a frame is refused: .*: if it is in degrees, say --gyro-unit deg\/s/);
  t.notMatch(err, /without a gap/);
  const other = await feed(t, { text: csv(300), daemon: { refusal: 'no such frame' } });
  t.match(other.error, { message: /refused \d+ frames \(no such frame\)\.$/ });
});

t.test('where no window is full, this is said', async (t) => {
  const { status, err, out } = await feed(t, { text: csv(99) });
  t.match({ status, out, err }, { status: 0, out: '', err: /no result: a window takes 1 s of samples without a gap/ });
  t.match(err, /99 samples .*, 0 windows, .*; fake@1 on cpu;/);
});

t.test('times that jump leave numbers out', async (t) => {
  const { daemon } = await feed(t, { text: csv(500, (i) => line(i < 200 ? i : i + 30)) });
  t.same(daemon.seqs, [
    ...upTo(200),
    ...upTo(500)
      .slice(200)
      .map((i) => i + 30),
  ]);
  t.ok(daemon.frames.some(({ seq, tMs }) => seq === 230 && tMs === 2300));
});

t.test('a broken line ends it after the results before it, with its place; --skip-bad counts it', async (t) => {
  const text = csv(1000, (i) => (i === 600 ? 'garbage' : line(i)));
  const broken = await feed(t, { text });
  t.match(broken.error, { code: 'INVALID_INPUT', message: /^walk\.csv:602: the line has 1 cells, .* --skip-bad/ });
  t.equal(broken.error && linesOf(broken.out).length, 0, 'found before the first sample was sent');
  const late = csv(3000, (i) => (i === 2500 ? 'garbage' : line(i)));
  const after = await feed(t, { text: late });
  t.match(after.error, { code: 'INVALID_INPUT', message: /^walk\.csv:2502:/ });
  t.equal(linesOf(after.out).length, 97);
  const skipped = await feed(t, { text, argv: ['--skip-bad'] });
  t.equal(skipped.status, 0);
  t.same(
    skipped.daemon.seqs,
    upTo(1000).filter((i) => i !== 600),
  );
  t.match(skipped.err, /1 bad lines/);
});

t.test('wishes go into the hello', async (t) => {
  const argv =
    '--hop 50 --top-k 3 --latent --smoothing 500 --hysteresis 0.1 --dwell-ms 300 --gaps hold --max-gap-ms 50 --name dog --gyro-unit DEG/S';
  const { daemon } = await feed(t, { text: csv(200), argv: argv.split(' ') });
  t.match(daemon.hellos[0], {
    hop: 50,
    name: 'dog',
    outputs: { top_k: 3, latent: true },
    smoothing: { tau_ms: 500, hysteresis: 0.1, dwell_ms: 300 },
    gaps: { policy: 'hold', max_ms: 50 },
    units: { acc: 'm/s2', gyro: 'deg/s', mag: 'uT' },
  });
});

t.test('an ethogram has a bout for each motif, and they cover the time', async (t) => {
  const { out, daemon } = await feed(t, { text: csv(900), argv: ['--output', 'ethogram'] });
  t.match(daemon.hellos[0], { outputs: { motif_scores: false } });
  t.same(linesOf(out), [
    { motif: 'rest', index: 0, start_ms: 0, end_ms: 3370, windows: 12, mean_score: 0.75 },
    { motif: 'walk', index: 1, start_ms: 3370, end_ms: 6370, windows: 12, mean_score: 0.75 },
    { motif: 'rest', index: 0, start_ms: 6370, end_ms: 8990, windows: 9, mean_score: 0.75 },
  ]);
});

t.test('^C sends the end, prints what there is and ends with 130', async (t) => {
  let interrupt = () => {};
  const onInterrupt = (listener: () => void) => {
    interrupt = listener;
    return () => {};
  };
  const write = () => interrupt();
  const { status, daemon, err } = await feed(t, {
    text: csv(3000),
    argv: ['--speed', '1'],
    deps: { onInterrupt, stdout: { write, writableNeedDrain: false, on: () => {} } },
  });
  t.equal(status, 130);
  t.equal(daemon.ended, 1, 'the daemon was told the end');
  t.match(err, /walk\.csv: \d+ samples .* 1 windows/);
});

t.test('^C before there was a sample ends it, too', async (t) => {
  const pipe = new PassThrough();
  pipe.write(`${HEADER}\n`);
  let interrupt = () => {};
  const deps: Partial<FeedDeps> = {
    stdin: () => pipe,
    onInterrupt: (listener) => {
      interrupt = listener;
      return () => {};
    },
  };
  setTimeout(() => interrupt(), 20);
  t.match(await feed(t, { text: '', source: '-', deps }), { status: 130, error: null });
  t.ok(pipe.destroyed, 'and nothing waits for its input any more');
});

t.test('^C twice ends it at once, also where the daemon has no room yet', async (t) => {
  let interrupt = () => {};
  const onInterrupt = (listener: () => void) => {
    interrupt = listener;
    return () => {};
  };
  setTimeout(() => interrupt(), 100);
  setTimeout(() => interrupt(), 110);
  const refuse = { times: 9, status: 503, headers: { 'retry-after': '60' } };
  const { status, error, out } = await feed(t, { text: csv(300), daemon: { refuse }, deps: { onInterrupt } });
  t.match({ status, error, out }, { status: 130, error: null, out: '' });
});

t.test('results that nobody takes stop the sending until they are taken', async (t) => {
  let isFull = true;
  let drained = () => {};
  const printed: string[] = [];
  const stdout = {
    write: (text: string) => printed.push(text),
    get writableNeedDrain() {
      return isFull && printed.length > 2;
    },
    on: (event: string, listener: () => void) => {
      if (event === 'drain') drained = listener;
    },
  };
  const feeding = feed(t, { text: csv(5000), deps: { stdout } });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = printed.length;
  t.ok(before < 100, `${before} of 197 windows`);
  isFull = false;
  drained();
  t.equal((await feeding).status, 0);
  t.equal(printed.length, 197);
});

t.test('what has no meaning for standard input is told', async (t) => {
  const stdin = () => Readable.from([csv(300)]);
  const cases: [string[], RegExp][] = [
    [['--baud', '9600'], /--baud is for a serial line, and standard input is none/],
    [['--root', '/'], /--root is for IIO devices, and standard input is none/],
  ];
  for (const [argv, message] of cases) {
    const { error } = await feed(t, { text: '', source: '-', argv, deps: { stdin } });
    t.match(error, { code: 'USAGE', message });
  }
});

t.test('what comes on standard input is what comes in a file', async (t) => {
  const stdin = () => Readable.from([csv(300)]);
  const { status, daemon } = await feed(t, { text: '', source: '-', deps: { stdin } });
  t.equal(status, 0);
  t.same(daemon.seqs, upTo(300));
  t.match(daemon.hellos, [{ name: 'standard input' }]);
});

t.test('what was switched on for a feed that cannot begin is switched off again', async (t) => {
  const root = t.testdir();
  const nine = ['accel', 'anglvel', 'magn'].flatMap((kind) => ['x', 'y', 'z'].map((axis) => `${kind}_${axis}`));
  const attributes = { in_accel_scale: '1', in_anglvel_scale: '1', in_magn_scale: '1', sampling_frequency: '100' };
  const raw = { accel: [1, 2, 3], anglvel: [0, 0, 0], magn: [1, 1, 1] };
  const scan = Object.fromEntries(nine.map((name) => [name, 'le:s16/16>>0']));
  writeIioTree(root, [{ name: 'imu', attributes, raw, scan }]);
  const states: string[] = [];
  const watching = (url: string | null) => {
    states.push(readAttribute(root, 'iio:device0/buffer/enable'));
    return reachUrl(url ?? 'http://127.0.0.1:1', { tokenFile: null });
  };
  const options = { text: '', source: 'iio', deps: { reach: watching } };
  const nobody = await feed(t, { ...options, argv: ['--root', root] });
  const { url } = await startStreamDaemon(t);
  const save = ['--save', `${root}/none/results.ndjson`];
  const nowhere = await feed(t, { ...options, argv: ['--root', root, '--url', url, ...save] });
  t.match([nobody.error, nowhere.error], [{ code: 'UNAVAILABLE' }, { code: 'USAGE', message: /--save/ }]);
  t.same(states, ['1', '1']);
  t.equal(readAttribute(root, 'iio:device0/buffer/enable'), '0');
});

t.test('a sensor that goes on while nobody answers: what it gave is sent afterwards', async (t) => {
  const root = t.testdir();
  const raw = { accel: [1, 2, 981], anglvel: [0, 0, 0], magn: [10, 0, -10] };
  const attributes = {
    in_accel_scale: '0.01',
    in_anglvel_scale: '1',
    in_magn_scale: '0.01',
    sampling_frequency: '500',
  };
  writeIioTree(root, [{ name: 'imu', attributes, raw }]);
  let interrupt = () => {};
  const onInterrupt = (listener: () => void) => {
    interrupt = listener;
    return () => {};
  };
  const results: string[] = [];
  const write = (text: string) => {
    if (results.push(text) === 30) interrupt();
  };
  const stdout = { write, writableNeedDrain: false, on: () => {} };
  const options = { text: '', source: 'iio', argv: ['--root', root], daemon: { breakAfter: 10 } };
  const { status, daemon } = await feed(t, { ...options, deps: { onInterrupt, stdout } });
  t.equal(status, 130);
  t.equal(daemon.hellos.length, 2);
  t.equal(daemon.hellos[0]?.max_age_ms, undefined, 'old windows of a sensor are for the daemon to drop');
  const windows = results.map((text) => JSON.parse(text).window);
  t.same(windows, upTo(windows.length), 'each window once');
});

t.test('a reader that has had enough ends it quietly', async (t) => {
  let broke = (_error: NodeJS.ErrnoException) => {};
  const stdout: FeedDeps['stdout'] = {
    write: () => broke(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    writableNeedDrain: false,
    on: (event, listener) => {
      if (event === 'error') broke = listener;
    },
  };
  const { status, err } = await feed(t, { text: csv(3000), daemon: { delayMs: 1 }, deps: { stdout } });
  t.equal(status, 0);
  t.notMatch(err, /windows/);
});

t.test('a command line that cannot be meant is told with what can', async (t) => {
  const cases: [string[], RegExp][] = [
    [['--speed', 'fast'], /--speed is a number from .*, or max, not "fast"/],
    [['--gyro-unit', 'rpm'], /--gyro-unit is rad\/s, deg\/s or mdeg\/s, not "rpm"/],
    [['--hop', '2.5'], /--hop is a whole number/],
    [['--baud', '9600'], /--baud is for a serial line/],
    [['--capture', 'auto'], /--capture is for IIO devices, and .*walk\.csv is none/],
    [['--root', '/', '--capture', 'poll'], /--capture, --root are for IIO devices/],
    [['--ratee', '1'], /Unknown option --ratee\. Did you mean "--rate"\?/],
  ];
  for (const [argv, message] of cases)
    t.match((await feed(t, { text: csv(200), argv })).error, { code: 'USAGE', message });
});
