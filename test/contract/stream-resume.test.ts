import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { startTestDaemon } from '../fakes/daemon.ts';
import { type Message, play, StreamClient, toFacts } from '../fakes/stream-client.ts';
import { rows } from '../tasks/tcn/stream/connection.ts';

/** Connections that break over a real network. PROPERTY_RUNS multiplies the cases, PROPERTY_SEED repeats a run. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 1);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
t.setTimeout(60_000 * RUNS);
t.comment(`PROPERTY_SEED=${SEED}`);

const YAML = 'server: {port: 0}\nbackend: {kind: cpu}\nstreams: {max_age_ms: 60000}\n';
const samples = rows(0, 700);
const { url } = await startTestDaemon(t, { yaml: YAML });

/** How a connection ends, and when. */
const breaks = fc.record({
  how: fc.constantFrom('gone', 'gone', 'replaced'),
  /** Messages that come before; null: it is a matter of time. */
  after: fc.option(fc.integer({ min: 1, max: 12 })),
  ms: fc.integer({ min: 0, max: 6 }),
});
type Break = typeof breaks extends fc.Arbitrary<infer B> ? B : never;

const cases = fc.record({
  hello: fc.record({
    type: fc.constant('hello'),
    rate_hz: fc.constantFrom(100, 100, 50, 200),
    hop: fc.constantFrom(10, 25, 60),
    smoothing: fc.constantFrom({}, { tau_ms: 500, dwell_ms: 300 }),
  }),
  cuts: fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 5 }),
  frames: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
  breaks: fc.array(breaks, { minLength: 1, maxLength: 12 }),
});
type Case = typeof cases extends fc.Arbitrary<infer C> ? C : never;

const toRecording = ({ hello, cuts, frames }: Case) => {
  let i = 0;
  const cut = () => cuts[i++ % cuts.length]!;
  return { samples, rateHz: hello.rate_hz, cut, isJson: () => frames[i % frames.length]! };
};

/** Not for ever: when all is sent, so many messages may never come. */
async function waitFor(client: StreamClient, playing: Promise<void>, { after, ms }: Break): Promise<void> {
  if (after === null) return sleep(ms);
  const isAll = playing.then(() => true);
  while (client.messages.length < after) if (await Promise.race([client.news(), isAll])) return sleep(ms);
}

/** What a client that keeps to /docs/stream has in the end, however often it was cut off. */
async function survive(t: Test, origin: string, one: Case) {
  const results: Message[] = [];
  let before: StreamClient | null = null;
  let [token, resumed] = [null as string | null, 0];
  for (const broken of [...one.breaks, null]) {
    const client: StreamClient = await StreamClient.open(t, origin);
    const resume = token === null ? {} : { resume: { token, last_window: results.at(-1)?.window ?? -1 } };
    client.say({ ...one.hello, ...resume });
    const playing = client.until('ready').then(
      ({ next_seq }) => play(client, toRecording(one), next_seq ?? 0),
      () => {}, // it was broken before
    );
    if (broken !== null) await waitFor(client, playing, broken);
    else {
      await playing;
      client.say({ type: 'end' });
      t.same(await client.closed, [1000, 'ended']);
    }
    before?.socket.terminate();
    before = client;
    if (broken?.how === 'gone') client.socket.terminate();
    const said = client.of('ready')[0];
    if (said?.resumed === true) resumed += 1;
    else if (said !== undefined && results.length > 0) throw new Error(`begun anew: ${said.reason}`);
    token = said?.token ?? token;
    results.push(...client.of('result'));
  }
  return { results, resumed, ended: before!.of('ended')[0] };
}

t.test('no window is lost and none comes twice, however often and whenever the connection breaks', async (t) => {
  let [resumed, windows] = [0, 0];
  const property = fc.asyncProperty(cases, async (one) => {
    const whole = await survive(t, url, { ...one, breaks: [] });
    const broken = await survive(t, url, one);
    t.equal(JSON.stringify(broken.results.map(toFacts)), JSON.stringify(whole.results.map(toFacts)));
    t.same(broken.ended, whole.ended);
    resumed += broken.resumed;
    windows += broken.results.length;
  });
  await fc.assert(property, { numRuns: 25 * RUNS, seed: SEED });
  t.ok(resumed > 50 * RUNS, `${resumed} times resumed, ${windows} windows`);
});

t.test('another box does not know the stream, says so, and serves it from the beginning', async (t) => {
  const other = await startTestDaemon(t, { yaml: YAML });
  const recording = { samples, rateHz: 100, cut: () => 50, isJson: () => false };
  const first = await StreamClient.open(t, url);
  first.say({ type: 'hello', rate_hz: 100 });
  await Promise.all([play(first, { ...recording, samples: samples.slice(0, 300) }, 0), first.until('result', 9)]);
  first.socket.terminate();
  const { token } = first.of('ready')[0]!;
  const second = await StreamClient.open(t, other.url);
  second.say({ type: 'hello', rate_hz: 100, resume: { token, last_window: 8 } });
  t.match(await second.until('ready'), { resumed: false, next_seq: null, reason: /not on this box/ });
  await play(second, recording, 300);
  second.say({ type: 'end' });
  t.same(await second.closed, [1000, 'ended']);
  const results = second.of('result');
  t.same(
    results.map(({ window, start_ms }) => [window, start_ms]),
    Array.from({ length: 13 }, (_, i) => [i, 3000 + i * 250]),
  );
  t.equal(second.of('gap').length, 0);
  const back = await StreamClient.open(t, url);
  back.say({ type: 'hello', rate_hz: 100, resume: { token, last_window: 8 } });
  t.match(await back.until('ready'), { resumed: true, next_seq: 300 }, 'the first box has it still');
});
