import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { createAdminClient } from '../../src/admin/client.ts';
import type { StreamReport } from '../../src/core/streams.ts';
import { startTestDaemon, type TestDaemon } from '../fakes/daemon.ts';
import { play, StreamClient } from '../fakes/stream-client.ts';
import { eventually, openRaw } from '../http/serving.ts';
import { upgrade, frame as wireFrame } from '../http/sockets.ts';
import { frame, rows } from '../tasks/tcn/stream/connection.ts';

/** Streams in the life of a daemon: what it tells of them, how many it takes, how it lets go of them. */
const PATIENT = 'max_age_ms: 60000';

const start = (t: Test, streams = PATIENT) =>
  startTestDaemon(t, { yaml: `server: {port: 0}\nbackend: {kind: cpu}\nstreams: {${streams}}\n` });

async function open(t: Test, { url }: TestDaemon, hello: object = {}) {
  const client = await StreamClient.open(t, url);
  client.say({ type: 'hello', rate_hz: 100, ...hello });
  return client;
}

const listOf = ({ daemon }: TestDaemon): readonly StreamReport[] => daemon.state.streams?.list() ?? [];
const recordingOf = (to: number) => ({ samples: rows(0, to), rateHz: 100, cut: () => 50, isJson: () => false });

t.test('figures, the list and the log tell of each stream, and of no token', async (t) => {
  const app = await start(t);
  const first = await open(t, app, { name: 'left hind', hop: 50 });
  const { token, stream } = await first.until('ready');
  await play(first, recordingOf(300), 0);
  await first.until('result', 5);
  first.send(frame(400, null, rows(400, 120)));
  await first.until('result', 6);
  first.socket.terminate();
  await eventually(() => listOf(app)[0]?.connected === false);
  const admin = createAdminClient(join(dirname(app.configFile), 'admin.sock'));
  const listed = (await admin.call('GET', '/streams')) as { totals: object; streams: StreamReport[] };
  t.match(listed, {
    totals: { opened: 1, resumed: 0, detached: 1, connected: 0, samples: 420, gaps: 1, declared: 2 },
    streams: [{ stream, name: 'left hind', peer: '127.0.0.1', connected: false, samples: 420, results: 6, dropped: 0 }],
  });
  const second = await open(t, app, { hop: 50, resume: { token, last_window: 5 } });
  t.match(await second.until('ready'), { resumed: true, stream, next_seq: 520 });
  const third = await open(t, app);
  await third.until('ready');
  const page = await (await fetch(`${app.url}/metrics`)).text();
  const figures = Object.entries({
    hailo_streams: 2,
    hailo_streams_detached: 0,
    hailo_stream_watchers: 0,
    hailo_streams_declared_windows_per_second: 6,
    hailo_streams_opened_total: 2,
    hailo_streams_resumed_total: 1,
    hailo_stream_samples_total: 420,
    hailo_stream_gaps_total: 1,
    'hailo_windows_total\\{route="/stream",outcome="ok"\\}': 6,
    'hailo_stream_window_duration_seconds_count\\{model="[^"]+"\\}': 6,
  });
  for (const [name, value] of figures) t.match(page, new RegExp(`^${name} ${value}$`, 'm'));
  second.say({ type: 'end' });
  t.same(await second.closed, [1000, 'ended']);
  t.match(await (await fetch(`${app.url}/metrics`)).text(), /^hailo_streams 1$/m);
  const log = app.said.filter((line) => line.includes('a stream'));
  t.same(log, [
    'info a stream was opened',
    'info a stream lost its connection: it closed with 1006',
    'info a stream was resumed',
    'info a stream was opened',
    'info a stream was closed',
  ]);
  const status = await (await fetch(`${app.url}/status`)).text();
  t.notMatch([JSON.stringify(listed), page, status, ...app.written, ...app.notified].join('\n'), token as string);
});

t.test(
  'no more than streams.max: a broken one makes room, one that runs does not; a reload is in force at once',
  async (t) => {
    const app = await start(t, `${PATIENT}, max: 2`);
    const waiting = await Promise.all([0, 1, 2].map(() => StreamClient.open(t, app.url)));
    for (const client of waiting) client.say({ type: 'hello', rate_hz: 100 });
    const [one, two, late] = waiting as [StreamClient, StreamClient, StreamClient];
    await Promise.all([one.until('ready'), two.until('ready')]);
    t.match(await late.closed, [1013, /^STREAMS_FULL: All 2 streams are taken/]);
    t.match(late.messages, [{ type: 'error', error: { code: 'STREAMS_FULL' }, close: 1013, retry_ms: Number }]);
    await t.rejects(StreamClient.open(t, app.url), /503/, 'before the upgrade, where it is known');
    t.match(
      await (await fetch(`${app.url}/metrics`)).text(),
      /^hailo_streams_refused_total\{code="STREAMS_FULL"\} 2$/m,
    );
    writeFileSync(app.configFile, readFileSync(app.configFile, 'utf8').replace('max: 2', 'max: 3, resume_s: 7'));
    app.daemon.reload();
    const third = await open(t, app);
    t.match(await third.until('ready'), { limits: { resume_ms: 7000, max_age_ms: 60000 } });
    await play(two, recordingOf(150), 0);
    await two.until('result', 3);
    two.socket.terminate();
    await eventually(() => listOf(app).some(({ connected }) => !connected));
    const fourth = await open(t, app);
    t.equal((await fourth.until('ready')).resumed, false);
    t.equal(listOf(app).length, 3);
    await play(one, recordingOf(400), 0);
    one.say({ type: 'end' });
    t.match(await one.until('ended'), { windows: 13, dropped: 0 });
  },
);

t.test('more than the model is declared to take is refused, and what runs gets every result', async (t) => {
  const app = await start(t, `${PATIENT}, max_load: 0.01`);
  const running = await open(t, app, { hop: 1000 });
  await running.until('ready');
  const playing = play(running, recordingOf(5300), 0);
  for (let refused = false; !refused; ) {
    const greedy = await StreamClient.open(t, app.url);
    greedy.say({ type: 'hello', rate_hz: 100, hop: 1 });
    await greedy.news();
    refused = greedy.messages[0]!.type === 'error';
    if (refused) t.match(await greedy.closed, [1013, /^STREAMS_FULL: /]);
    else t.ok(listOf(app).length < 1000, 'it was taken');
  }
  await playing;
  running.say({ type: 'end' });
  t.match(await running.until('ended'), { windows: 6, dropped: 0 });
});

t.test(
  'a stop closes with 1012 after all that was due, whether a client sends on, is silent, or never answers',
  async (t) => {
    const app = await start(t);
    const [quiet, eager] = [await open(t, app, { hop: 1 }), await open(t, app, { hop: 1 })];
    await Promise.all([quiet.until('ready'), eager.until('ready')]);
    const mute = await StreamClient.open(t, app.url);
    const raw = await openRaw(t, Number(new URL(app.url).port));
    raw.socket.write(upgrade());
    await raw.until(/\r\n\r\n/);
    raw.socket.write(wireFrame(JSON.stringify({ type: 'hello', rate_hz: 100 })));
    await raw.until(/"ready"/);
    for (const client of [quiet, eager]) client.send(frame(0, 0, rows(0, 200)));
    await eventually(() => listOf(app).filter(({ samples }) => samples === 200).length === 2);
    const isDue = listOf(app).some(({ waiting }) => waiting > 0);
    const stopped = app.stop();
    let seq = 200;
    const sending = setInterval(() => eager.send(frame(seq++, null, rows(seq, 1))), 1);
    t.teardown(() => clearInterval(sending));
    for (const client of [quiet, eager, mute]) {
      t.match(await client.closed, [1012, /^SHUTTING_DOWN: /]);
      t.match(client.messages.at(-1), { type: 'error', error: { code: 'SHUTTING_DOWN' }, close: 1012 });
    }
    clearInterval(sending);
    t.ok(isDue);
    t.equal(quiet.of('result').length, 101);
    t.ok(eager.of('result').length >= 101, 'those too that it was owed');
    await stopped;
    t.match(raw.said(), /SHUTTING_DOWN/);
    t.notMatch(app.said.join('\n'), /still in flight/);
  },
);
