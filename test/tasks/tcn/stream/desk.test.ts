import t from 'tap';
import type { ServedModel } from '../../../../src/core/model.ts';
import type { EventSink } from '../../../../src/core/task.ts';
import { createWatchRoute } from '../../../../src/tasks/tcn/stream/stream-routes.ts';
import { call, manifest, scene } from '../fakes.ts';
import { frame, rows, turn } from './connection.ts';
import { HELLO, world } from './world.ts';

t.test('one long wait is forgotten when nobody computes any more: an empty box lets in', async (t) => {
  const { connect, desk, time } = world();
  const clients = Array.from({ length: 8 }, connect);
  for (const client of clients) {
    client.say(HELLO);
    client.send(frame(0, 0, rows(0, 100)));
  }
  time.now += 900; // those who wait for their turn do so for this long
  for (let i = 0; i < 20; i++) await turn();
  for (const client of clients) client.say({ type: 'end' });
  for (let i = 0; i < 20; i++) await turn();
  for (let s = 0; s < 5; s++) {
    time.now += 1000;
    desk.sweep(time.now);
  }
  desk.admit(false);
  const late = connect();
  late.say(HELLO);
  t.equal(late.messages[0]?.type, 'ready');
});

t.test('samples that wait behind a gap go on when it has been told', async (t) => {
  const { connect } = world();
  const client = connect();
  client.say({ ...HELLO, hop: 150, gaps: { reorder_ms: 0 } });
  client.send(frame(0, 0, rows(0, 100)));
  client.send(frame(150, 1500, rows(150, 50)));
  client.send(frame(200, 2000, rows(200, 100)));
  client.say({ type: 'end' });
  for (let i = 0; i < 20 && client.closed === null; i++) await turn();
  t.same(
    client.messages.map(({ type, window }) => (type === 'result' ? `${type} ${window}` : type)),
    ['ready', 'result 0', 'gap', 'result 1', 'ended'],
  );
});

t.test('streams whose connection broke keep nobody out by what they declared', async (t) => {
  const { connect, desk } = world({ policy: { most: 100, maxLoad: 0.25 } }); // 250 windows/s
  for (let i = 0; i < 2; i++) {
    const away = connect();
    away.say({ ...HELLO, hop: 1 });
    away.send(frame(0, 0, rows(0, 10)));
    away.breakOff();
  }
  const [first, second, third] = [connect(), connect(), connect()];
  for (const client of [first, second, third]) client.say({ ...HELLO, hop: 1 });
  t.same(
    [first, second, third].map(({ messages }) => messages[0]?.type),
    ['ready', 'ready', 'error'],
  );
  t.match(desk.totals(), { connected: 2, detached: 0 });
});

t.test('who takes his own stream back is let in, however full it is', async (t) => {
  const { connect, desk } = world({ policy: { most: 1 } });
  const first = connect();
  first.say(HELLO);
  first.send(frame(0, 0, rows(0, 10)));
  t.throws(() => desk.admit(false), { code: 'STREAMS_FULL' });
  desk.admit(true);
  const again = connect();
  again.say({ ...HELLO, resume: { token: first.messages[0]!.token } });
  t.match(again.messages[0], { type: 'ready', resumed: true });
});

t.test('a client that reads slowly, but reads, is not sent away', async (t) => {
  const { connect, desk, time } = world();
  const client = connect();
  client.say({ ...HELLO, max_age_ms: 600_000, outputs: { latent: true } });
  client.send(frame(0, 0, rows(0, 75)));
  for (let seq = 75; seq < 2000; seq += 25) {
    client.reads = false;
    time.now += 250;
    client.send(frame(seq, seq * 10, rows(seq, 25)));
    await turn();
    if (seq % 100 !== 75) continue;
    client.reads = true; // it takes something each second, and never all
    client.session.onDrained();
    client.reads = false;
    desk.sweep(time.now);
  }
  t.equal(client.isDestroyed, false);
});

t.test('a model that is replaced while it computes names its own motifs', async (t) => {
  const { promise: until, resolve: go } = Promise.withResolvers<void>();
  const before = scene().deps.served();
  const { runner } = before;
  const waiting: ServedModel = {
    ...before,
    runner: { ...runner, run: async (...args) => until.then(() => runner.run(...args)) },
  };
  const motifs = { labels: ['lie', 'sit', 'stand'], head: 'output' as const };
  const after = scene({ manifest: manifest({ version: 'v2', motifs }) }).deps.served();
  let now = waiting;
  const { connect } = world({ served: () => now });
  const client = connect();
  client.say(HELLO);
  client.send(frame(0, 0, rows(0, 125)));
  await turn();
  now = after;
  go();
  for (let i = 0; i < 10; i++) await turn();
  t.match(client.of('result'), [
    { model: 'test-tcn@v1', motif: { name: 'run' } },
    { model: 'test-tcn@v2', motif: { name: 'stand', since_ms: 1240 } },
  ]);
});

t.test('a watcher that comes too late hears that it is over', async (t) => {
  const { connect, desk } = world();
  const client = connect();
  client.say(HELLO);
  const { stream: id } = client.messages[0]!;
  const reply = await createWatchRoute(desk).handle(call('', { method: 'GET', params: { id } }));
  client.breakOff(); // nothing came of it, so it is over
  const heard: string[] = [];
  const sink: EventSink = {
    bufferedBytes: 0,
    write: (text) => void heard.push(text),
    end: () => void heard.push('end'),
  };
  reply.follow?.(sink);
  t.match(heard, [/event: over/, 'end']);
});

t.test('a fault of ours ends one connection, with its cause in the log and not on the wire', async (t) => {
  const failed: unknown[] = [];
  const { connect, deps } = world();
  Object.assign(deps.streams, { failed: (error: { cause: unknown }) => failed.push(error.cause) });
  const client = connect();
  client.say(HELLO);
  client.send(null as never);
  t.match(failed, [TypeError]);
  t.equal(client.closed?.[0], 1011);
  t.notMatch(JSON.stringify(client.of('error')), /TypeError/, 'and not on the wire');
  t.match(client.of('error'), [{ error: { code: 'INTERNAL' }, close: 1011 }]);
});

t.test('a client within next_seq + max_ahead_samples gets on, at any rate and hop', async (t) => {
  for (const rate_hz of [5, 6, 7, 8, 10, 12.5, 15, 25, 50, 99.7, 100, 250, 2000]) {
    for (const hop of [1, 25, 100, 1000]) {
      const { connect } = world({ policy: { maxLoad: 1000 } });
      const client = connect();
      client.say({ ...HELLO, rate_hz, hop, max_age_ms: 600_000 });
      const { max_ahead_samples: ahead } = client.messages[0]!.limits;
      const samples = Math.ceil((rate_hz * (1500 + 20 * hop)) / 100);
      let [seq, next] = [0, 0];
      for (let idle = 0; seq < samples && idle < 50; idle++) {
        const count = Math.min(next + ahead - seq, samples - seq, 400);
        if (count > 0) {
          client.send(frame(seq, (seq * 1000) / rate_hz, rows(seq, count)));
          seq += count;
          idle = 0;
        }
        await turn();
        next = client.messages.findLast(({ next_seq }) => next_seq != null)?.next_seq ?? next;
      }
      t.equal(seq, samples, `${rate_hz} Hz, hop ${hop}: all could be sent`);
      t.equal(client.of('dropped').length, 0, `${rate_hz} Hz, hop ${hop}: no window is dropped`);
      client.breakOff();
    }
  }
});

t.test('a refused frame tells of the next sample after the windows before it', async (t) => {
  const { connect } = world();
  const client = connect();
  client.say(HELLO);
  client.send(frame(0, 0, rows(0, 150)));
  client.send(frame(150, 1500, [Array(9).fill(1e6)]));
  for (let i = 0; i < 10; i++) await turn();
  t.same(
    client.messages.slice(1).map(({ type, next_seq }) => [type, next_seq]),
    [
      ['result', 100],
      ['result', 125],
      ['result', 150],
      ['error', 151],
    ],
  );
});

t.test('what was dropped is told to the end, and counted', async (t) => {
  const ended: unknown[] = [];
  const { connect, deps, time, desk } = world({ policy: { maxAgeMs: 50 } });
  Object.assign(deps.streams, { windowEnded: ({ error }: { error: unknown }) => ended.push(error) });
  const client = connect();
  client.say({ ...HELLO, hop: 5 });
  client.send(frame(0, 0, rows(0, 99)));
  for (let seq = 99; seq < 399; seq += 100) client.send(frame(seq, seq * 10, rows(seq, 100)));
  time.now += 500;
  for (let i = 0; i < 100; i++) await turn();
  client.say({ type: 'end' });
  for (let i = 0; i < 10; i++) await turn();
  const told = client.of('dropped').reduce((sum, { count }) => sum + count, 0);
  t.ok(told > 0);
  t.equal(told, client.of('ended')[0]?.dropped);
  t.equal(ended.filter((error) => error !== null).length, told);
  t.equal(desk.totals().dropped, told);
});
