import t from 'tap';
import { Value } from 'typebox/value';
import * as events from '../../../../src/core/stream-events.ts';
import { latentOnly } from '../fakes.ts';
import { frame, rows, turn } from './connection.ts';
import { HELLO, world } from './world.ts';

const SCHEMAS: Record<string, object> = {
  ready: events.ReadySchema,
  result: events.ResultSchema,
  gap: events.GapSchema,
  dropped: events.DroppedSchema,
  notice: events.NoticeSchema,
  error: events.ErrorSchema,
  ended: events.EndedSchema,
};

/** What a full table of labels says of the scores of test/tasks/tcn/fakes.ts: 0.25, 0.5, 1. */
const RUN = { index: 2, name: 'run' };

t.test('a hello of one line is enough, and the answer says all that is in force', async (t) => {
  const { connect } = world();
  const client = connect();
  client.say(HELLO);
  const [ready] = client.messages;
  t.match(ready, {
    type: 'ready',
    resumed: false,
    next_seq: null,
    model: 'test-tcn@v1',
    backend: 'cpu',
    rate_hz: 100,
    window: { samples: 100, rate_hz: 100, hop: 25 },
    resampling: null,
    units: { acc: 'm/s2', gyro: 'rad/s', mag: 'uT' },
    outputs: { latent: false, motif_scores: true, top_k: 1 },
    motif_source: 'output',
    gaps: { policy: 'restart', max_ms: 100, reorder_ms: 100 },
  });
});

t.test('a hundred samples make the first window, each hop another one; binary and JSON are the same', async (t) => {
  const { connect, runs } = world();
  const [binary, json] = [connect(), connect()];
  for (const client of [binary, json]) client.say({ ...HELLO, outputs: { latent: true } });
  for (let seq = 0; seq < 150; seq += 10) {
    binary.send(frame(seq, 5000 + seq * 10, rows(seq, 10)));
    json.say({ type: 'samples', seq, t_ms: 5000 + seq * 10, samples: rows(seq, 10) });
    await turn();
  }
  t.match(binary.of('result'), [
    { window: 0, start_ms: 5000, end_ms: 5990, next_seq: 100, filled: 0, dropped: 0, top: [{ ...RUN, score: 1 }] },
    { window: 1, start_ms: 5250, end_ms: 6240, next_seq: 125, motif: { ...RUN, since_ms: 5990 } },
    { window: 2, start_ms: 5500, end_ms: 6490, model: 'test-tcn@v1', backend: 'cpu', motif_scores: [0.25, 0.5, 1] },
  ]);
  t.same(json.of('result'), binary.of('result'));
  t.equal(runs.length, 6);
  t.same(runs[1]?.input, runs[0]?.input);
});

t.test('every message is as its schema says', async (t) => {
  const { connect, time, desk } = world({ policy: { maxAgeMs: 50 } });
  const client = connect();
  client.say({ ...HELLO, outputs: { latent: true, top_k: 2 }, gaps: { reorder_ms: 0 } });
  client.send(frame(0, 0, rows(0, 110)));
  await turn();
  client.send(frame(0, 0, rows(0, 10)));
  client.send(frame(200, 2000, rows(0, 10)));
  client.say({ type: 'samples', seq: 210, samples: [[1, 2]] });
  client.send(frame(210, 2100, rows(0, 90)));
  time.now += 10_000;
  desk.sweep(time.now);
  client.say({ type: 'end' });
  await turn();
  for (const message of client.messages) {
    t.ok(Value.Check(SCHEMAS[message.type] ?? {}, message), `${message.type}: ${JSON.stringify(message)}`);
  }
  t.same([...new Set(client.messages.map(({ type }) => type))].sort(), [
    'dropped',
    'ended',
    'error',
    'gap',
    'notice',
    'ready',
    'result',
  ]);
});

t.test('an end is answered after the last result, and the connection closes', async (t) => {
  const { connect, changes } = world();
  const client = connect();
  client.say(HELLO);
  client.send(frame(7, null, rows(0, 125)));
  client.say({ type: 'end' });
  await turn();
  await turn();
  t.same(
    client.messages.map(({ type }) => type),
    ['ready', 'result', 'result', 'ended'],
  );
  t.match(client.messages.at(-1), { windows: 2, dropped: 0, samples: 125 });
  t.match(client.closed, [1000, 'ended']);
  t.same(
    changes.map(({ what }) => what),
    ['opened', 'closed'],
  );
});

t.test('other columns, units and rates become the model’s', async (t) => {
  const { connect, runs } = world();
  const [plain, odd] = [connect(), connect()];
  plain.say(HELLO);
  plain.send(frame(0, 0, rows(0, 100)));
  odd.say({
    ...HELLO,
    channels: ['-', 'gx', 'gy', 'gz', 'mx', 'my', 'mz', 'ax', 'ay', 'az'],
    units: { acc: 'mg', gyro: 'deg/s', mag: 'G' },
  });
  const converted = rows(0, 100).map(([ax, ay, az, gx, gy, gz, ...mag]) => [
    ...[99, ...[gx, gy, gz].map((rate) => (rate! * 180) / Math.PI), ...mag.map((field) => field / 100)],
    ...[ax, ay, az].map((acc) => (acc! / 9.80665) * 1000),
  ]);
  odd.send(frame(0, 0, converted));
  await turn();
  const [a, b] = runs.map(({ input }) => input);
  const largest = a!.reduce((most, value, i) => Math.max(most, Math.abs(value - b![i]!)), 0);
  t.ok(largest < 1e-5, `${largest}`);
});

t.test('a hello that cannot be met closes the connection with the reason', async (t) => {
  const refused: [name: string, hello: object, code: number, message: RegExp][] = [
    ['a rate of 0', { ...HELLO, rate_hz: 0 }, 1008, /rate_hz.*must be >= 5/],
    ['a rate of 10^9', { ...HELLO, rate_hz: 1e9 }, 1008, /rate_hz.*must be <= 2000/],
    ['no rate', { type: 'hello' }, 1008, /rate_hz/],
    ['an unknown key', { ...HELLO, colour: 'red' }, 1008, /hello.colour: There is no such key/],
    ['a key as long as a message', { ...HELLO, ['k'.repeat(60_000)]: 1 }, 1008, /^.{0,80}hello.k+….{0,80}$/],
    ['another protocol', { ...HELLO, protocol: 2 }, 1008, /hello.protocol: This daemon speaks 1/],
    [
      'no magnetometer',
      { ...HELLO, channels: ['ax', 'ay', 'az', 'gx', 'gy', 'gz'] },
      1008,
      /Missing channels: mx, my, mz/,
    ],
    ['a channel twice', { ...HELLO, channels: ['ax', 'ax'] }, 1008, /twice/],
    ['a strange channel', { ...HELLO, channels: ['temperature'] }, 1008, /Unknown channel/],
    ['a unit that is none', { ...HELLO, units: { acc: 'lb' } }, 1008, /hello.units.acc: must be m\/s2, g, mg/],
    ['nothing to tell', { ...HELLO, outputs: { motif_scores: false, top_k: 0 } }, 1008, /Nothing is asked for/],
  ];
  for (const [name, hello, code, message] of refused) {
    const { connect, changes } = world();
    const client = connect();
    client.say(hello);
    t.match(client.messages, [{ type: 'error', close: code, error: { message } }], name);
    t.equal(client.closed?.[0], code, name);
    t.match(changes, [{ what: 'refused', reason: message }], name);
  }
});

t.test('motifs of a model without a source are refused at the hello; its latents are not', async (t) => {
  const { connect } = world({ manifest: latentOnly() });
  const [client, other] = [connect(), connect()];
  client.say(HELLO);
  t.match(client.messages, [{ type: 'error', error: { code: 'NO_MOTIF_SOURCE' }, close: 1008 }]);
  other.say({ ...HELLO, outputs: { latent: true, motif_scores: false, top_k: 0 } });
  other.send(frame(0, 0, rows(0, 100)));
  await turn();
  t.match(other.of('result'), [{ latent: Array, motif_scores: undefined, motif: undefined }]);
});

t.test('what is no message ends the connection, what has a bad sample costs its samples', async (t) => {
  const { connect } = world();
  const fatal: [name: string, bytes: Uint8Array | string, code: number][] = [
    ['half a header', new Uint8Array(7), 1007],
    ['a length that is not the count’s', frame(0, 0, rows(0, 10)).subarray(0, 100), 1007],
    ['another version', Uint8Array.from(frame(0, 0, rows(0, 1)), (byte, i) => (i === 0 ? 9 : byte)), 1007],
    ['no samples', frame(0, 0, []), 1007],
    ['no JSON', '{"type":', 1007],
    ['a list', '[]', 1007],
    ['an unknown type', '{"type":"ping"}', 1007],
    ['a type of any depth', `{"type":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 1007],
    ['a second hello', JSON.stringify(HELLO), 1008],
  ];
  for (const [name, bytes, code] of fatal) {
    const client = connect();
    client.say(HELLO);
    if (typeof bytes === 'string') client.session.onText(Buffer.from(bytes));
    else client.send(bytes);
    t.match(client.messages.at(-1), { type: 'error', close: code }, name);
    t.equal(client.closed?.[0], code, name);
  }
  const client = connect();
  client.say({ ...HELLO, gaps: { policy: 'hold', reorder_ms: 0 } });
  client.send(frame(0, 0, rows(0, 95)));
  client.send(frame(95, 950, [rows(0, 1)[0]!.map(() => Number.NaN)]));
  client.say({ type: 'samples', seq: 96, t_ms: 960, samples: [[1, 2, 3, 400, 0, 0, 1, 2, 3]] });
  client.send(frame(97, 970, rows(97, 3)));
  await turn();
  t.match(client.of('error'), [
    { close: null, next_seq: 96, error: { code: 'INVALID_INPUT', message: /not finite/ } },
    { close: null, next_seq: 97, error: { code: 'INVALID_INPUT', message: /Gyroscope value out of range: 400/ } },
  ]);
  t.match(client.of('gap'), [{ missing: 2, action: 'held' }]);
  t.match(client.of('result'), [{ window: 0, filled: 2 }]);
  t.equal(client.closed, null);
});

t.test('a client that sends nothing but bad samples is sent away', async (t) => {
  const { connect } = world();
  const client = connect();
  client.say(HELLO);
  for (let i = 0; i < 101 && client.closed === null; i++) {
    client.send(frame(i, null, [Array(9).fill(1e6)]));
    await turn();
  }
  t.equal(client.of('error').length, 101);
  t.equal(client.closed?.[0], 1008);
});

t.test('samples before the hello, or after the end, are refused', async (t) => {
  const { connect } = world();
  const [early, late] = [connect(), connect()];
  early.send(frame(0, 0, rows(0, 1)));
  t.match(early.messages, [{ type: 'error', close: 1008, error: { message: /Say hello first/ } }]);
  late.say(HELLO);
  late.send(frame(0, 0, rows(0, 100)));
  late.say({ type: 'end' });
  late.send(frame(100, 0, rows(0, 1)));
  t.match(late.of('error'), [{ close: 1008, error: { message: /after an end/ } }]);
});

t.test('who says no hello, or sends no samples, is closed; the stream of the latter may be resumed', async (t) => {
  const { connect, desk, time } = world();
  const [mute, idle] = [connect(), connect()];
  idle.say(HELLO);
  idle.send(frame(0, 0, rows(0, 1)));
  time.now = 9_999;
  desk.sweep(time.now);
  t.same([mute.closed, idle.closed], [null, null]);
  time.now = 10_000;
  desk.sweep(time.now);
  t.match(mute.closed, [1008, /No hello within 10000 ms/]);
  time.now = 60_000;
  desk.sweep(time.now);
  t.match(idle.closed, [1001, /No samples came for 60000 ms/]);
  t.match(desk.list(), [{ connected: false, samples: 1 }]);
});

t.test('a broken connection’s stream goes on where it was: no window is lost, and none comes twice', async (t) => {
  const { connect, desk } = world();
  const first = connect();
  first.say(HELLO);
  for (let seq = 0; seq < 125; seq += 25) first.send(frame(seq, seq * 10, rows(seq, 25)));
  await turn();
  t.equal(first.of('result').length, 2);
  first.breakOff();
  const second = connect();
  // the result of window 1 was on its way when the connection broke
  second.say({ ...HELLO, resume: { token: first.messages[0]!.token, last_window: 0 } });
  t.match(second.messages, [
    { type: 'ready', resumed: true, next_seq: 125, stream: first.messages[0]!.stream },
    { type: 'result', window: 1 },
  ]);
  second.send(frame(125, 1250, rows(125, 25)));
  await turn();
  t.match(second.of('result'), [{ window: 1 }, { window: 2, start_ms: 500, dropped: 0 }]);
  t.match(desk.list(), [{ resumed: 1, connected: true, samples: 150, results: 3 }]);
});

t.test('results that were on their way and are kept no longer are told as lost', async (t) => {
  const { connect } = world();
  const hello = { ...HELLO, hop: 1, outputs: { latent: true } };
  const first = connect();
  first.say(hello);
  for (let seq = 0; seq < 200; seq += 20) {
    first.send(frame(seq, seq * 10, rows(seq, 20)));
    for (let i = 0; i < 25; i++) await turn();
  }
  t.equal(first.of('result').length, 101);
  first.breakOff();
  const [second, third] = [connect(), connect()];
  const resume = { token: first.messages[0]!.token, last_window: 9 };
  second.say({ ...hello, resume });
  const [dropped] = second.of('dropped');
  t.equal(second.of('result').length + dropped!.count, 101 - 10);
  t.equal(second.of('result').at(-1)?.window, 100);
  second.breakOff();
  third.say({ ...hello, resume: { token: resume.token } });
  t.match(third.messages[0], { resumed: true });
  t.equal(third.of('result').length, second.of('result').length, 'who does not say what he has gets what is kept');
  t.equal(third.of('dropped').length, 0);
});

t.test('a token that is unknown, or a hello that is another, begins anew and says so', async (t) => {
  const { connect } = world();
  const first = connect();
  first.say(HELLO);
  first.send(frame(0, 0, rows(0, 10)));
  first.breakOff();
  const { token } = first.messages[0]!;
  const [stranger, other] = [connect(), connect()];
  stranger.say({ ...HELLO, resume: { token: 'of-another-box' } });
  t.match(stranger.messages, [{ type: 'ready', resumed: false, next_seq: null, reason: /no stream of this token/ }]);
  other.say({ ...HELLO, hop: 50, resume: { token } });
  t.match(other.messages, [{ type: 'ready', resumed: false, reason: /not the one that the stream began with/ }]);
});

t.test('a stream that is resumed while its connection lives is taken over', async (t) => {
  const { connect } = world();
  const [first, second] = [connect(), connect()];
  first.say(HELLO);
  first.send(frame(0, 0, rows(0, 10)));
  second.say({ ...HELLO, resume: { token: first.messages[0]!.token } });
  t.match(first.closed, [4001, /Another connection/]);
  t.match(second.messages, [{ resumed: true, next_seq: 10 }]);
  first.breakOff();
  second.send(frame(10, 100, rows(10, 90)));
  await turn();
  t.equal(second.of('result').length, 1);
});

t.test('a detached stream is over after its time, or when another one needs its place', async (t) => {
  const { connect, desk, time, changes } = world({ policy: { most: 2 } });
  const clients = [connect(), connect()];
  for (const client of clients) {
    client.say(HELLO);
    client.send(frame(0, 0, rows(0, 10)));
  }
  clients[0]!.breakOff();
  const third = connect();
  third.say(HELLO);
  t.match(third.messages, [{ type: 'ready' }]);
  const fourth = connect();
  fourth.say(HELLO);
  t.match(fourth.messages, [{ type: 'error', close: 1013, error: { code: 'STREAMS_FULL' }, retry_ms: Number }]);
  t.throws(() => desk.admit(false), { code: 'STREAMS_FULL' });
  desk.admit(true); // who resumes has a place
  clients[1]!.breakOff();
  time.now += 30_000;
  desk.sweep(time.now);
  t.same(
    changes.filter(({ what }) => what === 'closed').map(({ reason }) => reason),
    ['another one needed its place while its client was away', 'its client did not come back within 30000 ms'],
  );
  t.same(
    desk.list().map(({ connected }) => connected),
    [true],
  );
  t.match(desk.totals(), { opened: 3, connected: 1, detached: 0, samples: 20, refused: { STREAMS_FULL: 2 } });
});

t.test('a stream of which nothing came leaves nothing behind: a million hellos are none', async (t) => {
  const { connect, desk } = world();
  for (let i = 0; i < 1000; i++) {
    const client = connect();
    client.say(HELLO);
    client.breakOff();
  }
  t.same(desk.list(), []);
  t.match(desk.totals(), { opened: 1000, connected: 0, detached: 0, declared: 0 });
});

t.test('what is declared is nothing again when all have gone, however many came', async (t) => {
  const { connect, desk } = world({ policy: { maxLoad: 1000 } });
  for (let i = 0; i < 100; i++) {
    const clients = [3, 7, 60].map((hop) => {
      const client = connect();
      client.say({ ...HELLO, hop: hop + (i % 5) });
      return client;
    });
    t.ok(desk.totals().declared > 40 / 3);
    for (const client of clients) client.breakOff();
    t.equal(desk.totals().declared, 0);
  }
});

t.test('more than the model gets through is refused, not those that run', async (t) => {
  const { connect } = world({ policy: { most: 1000, maxLoad: 0.5 } }); // the pace of the fake: 1000 windows/s
  const clients = Array.from({ length: 6 }, connect);
  for (const client of clients) client.say({ ...HELLO, hop: 1 }); // 100 windows/s each
  t.same(
    clients.map(({ messages }) => messages[0]?.type),
    ['ready', 'ready', 'ready', 'ready', 'ready', 'error'],
  );
  t.match(clients[5]?.messages[0]?.error.message, /500 windows\/s are declared, 500 may be/);
});

t.test('a window that waited for too long is dropped, and the client is told', async (t) => {
  const { connect, time, desk } = world({ policy: { maxAgeMs: 100 } });
  const client = connect();
  client.say(HELLO);
  const wait = { isOver: false };
  client.send(frame(0, 0, rows(0, 99)));
  time.now = 5;
  client.send(frame(99, 990, rows(99, 51)));
  time.now = 500; // what is due has had no turn yet
  await turn();
  wait.isOver = true;
  desk.sweep(2000);
  t.equal(client.of('result').length + client.of('dropped').reduce((sum, { count }) => sum + count, 0), 3);
  t.ok(client.of('dropped').length >= 1);
  t.match(client.of('dropped').at(-1), { code: 'DEADLINE_EXCEEDED', message: /max_age_ms/ });
});

t.test('a client that does not read gets the newest when it does, is told what it missed, or is let go', async (t) => {
  const { connect, time, desk } = world();
  const client = connect();
  client.say({ ...HELLO, outputs: { latent: true } });
  client.send(frame(0, 0, rows(0, 75)));
  client.reads = false;
  for (let seq = 75; seq < 5075; seq += 25) {
    time.now += 250;
    client.send(frame(seq, seq * 10, rows(seq, 25)));
    await turn();
    if (seq % 100 === 75) desk.sweep(time.now);
    if (client.isDestroyed) break;
  }
  t.ok(client.isDestroyed, 'after ten seconds');
  t.ok(client.of('result').length < 60, 'what it left unread is bounded');
  t.match(desk.list(), [{ connected: false }]);
  const again = connect();
  again.say({ ...HELLO, outputs: { latent: true }, resume: { token: client.messages[0]!.token, last_window: 3 } });
  const windows = again.of('result').map(({ window }) => window);
  t.ok(windows.length > 0 && windows.every((window, i) => i === 0 || window > windows[i - 1]!), `${windows}`);
  time.now += 1000;
  desk.sweep(time.now);
  t.match(again.of('dropped'), [{ code: 'DEADLINE_EXCEEDED', message: /to be read/ }]);
});

t.test('an end waits until the client has read what is left, and each window is accounted for', async (t) => {
  const { connect, time, desk } = world();
  const client = connect();
  client.say({ ...HELLO, hop: 5, outputs: { latent: true } });
  client.reads = false;
  for (let seq = 0; seq < 1000; seq += 50) {
    time.now += 500;
    client.send(frame(seq, seq * 10, rows(seq, 50)));
    for (let i = 0; i < 12; i++) await turn();
  }
  const unread = client.of('result').length;
  client.say({ type: 'end' });
  await turn();
  t.equal(client.closed, null);
  client.reads = true;
  client.session.onDrained();
  desk.sweep(time.now);
  t.same(client.closed, [1000, 'ended']);
  t.ok(client.of('result').length > unread, 'what it had not read by then');
  const { windows, dropped } = client.messages.at(-1)!;
  t.same([windows, windows + dropped], [client.of('result').length, 181]);
});

t.test('streams leave when the daemon does, after what was due', async (t) => {
  const { connect } = world();
  const [busy, mute] = [connect(), connect()];
  busy.say(HELLO);
  busy.send(frame(0, 0, rows(0, 100)));
  const done = connect();
  done.say(HELLO);
  done.send(frame(0, 0, rows(0, 100)));
  done.say({ type: 'end' });
  for (const { session } of [busy, mute, done]) session.onLeaving();
  busy.send(frame(100, null, rows(100, 1))); // for it has not heard yet
  await turn();
  t.match(done.closed, [1000, 'ended']);
  t.same(
    busy.messages.map(({ type }) => type),
    ['ready', 'result', 'error'],
  );
  t.match(busy.closed, [1012, /SHUTTING_DOWN/]);
  t.match(mute.closed, [1012, /SHUTTING_DOWN/]);
});

t.test('a client that reads slowly gets all that waits for it before the daemon leaves', async (t) => {
  const { connect } = world();
  const client = connect();
  client.say({ ...HELLO, hop: 5, outputs: { latent: true } });
  client.reads = false;
  for (let seq = 0; seq < 300; seq += 50) {
    client.send(frame(seq, seq * 10, rows(seq, 50)));
    for (let i = 0; i < 12; i++) await turn();
  }
  const before = client.of('result').length;
  client.session.onLeaving();
  await turn();
  t.equal(client.closed, null);
  client.reads = true;
  client.session.onDrained();
  t.ok(client.of('result').length > before);
  t.match(client.closed, [1012, /SHUTTING_DOWN/]);
});

t.test('a model that cannot answer costs windows, never the stream, and each is accounted for', async (t) => {
  const ended: unknown[] = [];
  const failing = world({
    outputs: () => ({ latent_embeddings: Float32Array.of(Number.NaN) }),
  });
  Object.assign(failing.deps.streams, { windowEnded: (window: unknown) => ended.push(window) });
  const client = failing.connect();
  client.say(HELLO);
  client.send(frame(0, 0, rows(0, 100)));
  await turn();
  t.match(client.of('dropped'), [{ count: 1, total: 1, code: 'BACKEND_FAILED' }]);
  t.match(ended, [{ inference: null, error: { code: 'BACKEND_FAILED' } }]);
  t.equal(client.closed, null);
});

t.test('the sentinel speaks in notices, and not each time', async (t) => {
  const { connect } = world();
  const client = connect();
  client.say(HELLO);
  const inG = rows(0, 200).map(([, , , ...others], i) => [0.01 * i, 0.02, 1, ...others.slice(0, 3), 20, 5, -40]);
  client.send(frame(0, 0, inG));
  await turn();
  await turn();
  t.match(client.of('notice'), [{ code: 'acc_g', message: 'acceleration looks like g', count: 1 }]);
});

t.test('too many messages at a time end the connection', async (t) => {
  const { connect } = world();
  const client = connect();
  client.say(HELLO);
  for (let seq = 0; seq < 2001 && client.closed === null; seq++) client.send(frame(seq, null, rows(seq, 1)));
  t.match(client.closed, [1008, /More than 2000 messages/]);
});
