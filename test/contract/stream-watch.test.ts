import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { startTestDaemon } from '../fakes/daemon.ts';
import { type Message, play, StreamClient } from '../fakes/stream-client.ts';
import { eventually } from '../http/serving.ts';
import { rows } from '../tasks/tcn/stream/connection.ts';

/** Those who only watch: server-sent events of the daemon itself. */
const app = await startTestDaemon(t, {
  yaml: 'server: {port: 0}\nbackend: {kind: cpu}\nstreams: {max_age_ms: 60000}\n',
});
const { url } = app;

interface Event {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Message;
}

/** All events until the end; comments and the time to retry are none. */
function parse(text: string): Event[] {
  return text
    .split('\n\n')
    .filter((one) => one.startsWith('event: '))
    .map((one) => {
      const fields = new Map(one.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
      return { event: fields.get('event')!, id: fields.get('id'), data: JSON.parse(fields.get('data')!) };
    });
}

async function watch(id: string): Promise<{ status: number; body: Promise<string>; type: string | null }> {
  const response = await fetch(`${url}/stream/${id}/events`);
  return { status: response.status, type: response.headers.get('content-type'), body: response.text() };
}

/** Asks, and never reads. */
async function stare(t: Test, id: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').pause();
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`GET /stream/${id}/events HTTP/1.1\r\nhost: x\r\n\r\n`);
  return socket;
}

async function open(t: Test, hello: object = {}) {
  const client = await StreamClient.open(t, url);
  client.say({ type: 'hello', rate_hz: 100, ...hello });
  const { stream, token } = await client.until('ready');
  return { client, id: stream as string, token: token as string };
}

const watchers = () => app.daemon.state.streams?.list()[0]?.watchers;

t.test(
  'a watcher gets each message as the client does, until the stream is over; one that never reads is no bother',
  async (t) => {
    const { client, id, token } = await open(t, { outputs: { latent: true } });
    const [one, two] = [await watch(id), await watch(id)];
    t.same([one.status, one.type], [200, 'text/event-stream; charset=utf-8']);
    const staring = await stare(t, id);
    await eventually(() => watchers() === 3);
    await play(client, { samples: rows(0, 2000), rateHz: 100, cut: () => 100, isJson: () => false }, 0);
    client.say({ type: 'samples', seq: 2100, samples: rows(2100, 150) });
    client.say({ type: 'end' });
    t.same(await client.closed, [1000, 'ended']);
    const told = client.messages.filter(({ type }) => type !== 'ready');
    for (const watcher of [one, two]) {
      const text = await watcher.body;
      const events = parse(text);
      t.same(events.at(-1), { event: 'over', id: undefined, data: { type: 'over' } });
      t.same(
        events.slice(0, -1),
        told.map((data) => ({ event: data.type, id: data.type === 'result' ? String(data.window) : undefined, data })),
      );
      t.ok(events.some(({ event }) => event === 'gap'));
      t.notMatch(text, token);
    }
    t.equal((await watch(id)).status, 404, 'when it is over there is nothing to watch');
    staring.destroy();
  },
);

t.test('there is nothing to watch where there is no stream', async (t) => {
  for (const id of ['nobody', '__proto__', '%00', 'a'.repeat(2000), '..']) {
    const { status, body } = await watch(encodeURIComponent(id));
    t.equal(status, 404);
    t.match(JSON.parse(await body), { error: { code: 'NOT_FOUND' } });
  }
});

t.test('eight watch a stream, a ninth is told to come again; who leaves makes room', async (t) => {
  const { client, id } = await open(t);
  const watching = await Promise.all(Array.from({ length: 8 }, () => stare(t, id)));
  await eventually(() => watchers() === 8);
  const ninth = await watch(id);
  t.equal(ninth.status, 503);
  t.match(JSON.parse(await ninth.body), { error: { code: 'STREAMS_FULL' } });
  watching[3]!.destroy();
  await eventually(() => watchers() === 7);
  const [late, text] = [await watch(id), await (await fetch(`${url}/metrics`)).text()];
  t.equal(late.status, 200);
  t.match(text, /^hailo_stream_watchers 8$/m);
  client.say({ type: 'end' });
  t.match(
    parse(await late.body).map(({ event }) => event),
    ['ended', 'over'],
  );
});
