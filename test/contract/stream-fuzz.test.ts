import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import t from 'tap';
import Schema from 'typebox/schema';
import { startTestDaemon } from '../fakes/daemon.ts';
import { upgrade, frame as wireFrame } from '../http/sockets.ts';
import { frame, rows } from '../tasks/tcn/stream/connection.ts';
import { openDescriptors } from './fuzz/gun.ts';
import { checkTalk } from './fuzz/stream-oracle.ts';
import { StreamPeer } from './fuzz/stream-peer.ts';
import { type Conversation, conversations, upgradeHeaders } from './fuzz/stream-shots.ts';
import { StreamWitness } from './fuzz/stream-witness.ts';

/**
 * Streams of the real daemon, over sockets, with clients as they should not be: each hears why it is sent away, or goes on, and
 * somebody else's stream has every window all the while. PROPERTY_RUNS multiplies the time, PROPERTY_SEED repeats a run.
 */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 1);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
const PATIENCE_MS = 20_000;
const MOST_HELD_MIB = 64;
/** The heap of a process in which thousands of clients have lived stays large. */
const MOST_RESIDENT_MIB = 512;
t.setTimeout(90_000 * RUNS);
t.comment(`PROPERTY_SEED=${SEED}`);

const app = await startTestDaemon(t, {
  yaml: `server: {port: 0, max_connections: 256}
backend: {kind: cpu}
streams: {max: 64, max_load: 1000, max_age_ms: 60000, resume_s: 1}
`,
});
const { url } = app;
const port = Number(new URL(url).port);
const schema = (await (await fetch(`${url}/stream/schema.json`)).json()) as object;
const serverMessage = Schema.Compile({ ...schema, oneOf: [{ $ref: '#/$defs/serverMessage' }] });
const isMessage = (message: unknown) => serverMessage.Check(message);
const before = { descriptors: openDescriptors(), connections: connectionsNow() };
const witness = await StreamWitness.open(t, url);
const tally = { conversations: 0, messages: 0, resumed: 0, closes: new Map<number | string, number>() };
const bytesBefore = memoryNow();

/** What is held: garbage, most of it the clients', is none of it. */
function memoryNow() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, rss };
}

function connectionsNow(): number {
  return app.daemon.state.streams?.totals().connected ?? 0;
}

let since = performance.eventLoopUtilization();
/** The clients share a thread with the daemon, which turns new streams away when it never rests. */
async function breathe(): Promise<void> {
  const { active } = performance.eventLoopUtilization(since);
  if (active < 50) return;
  await sleep(active / 2);
  since = performance.eventLoopUtilization();
}

const within = (ms: number) => ({
  numRuns: 1_000_000,
  interruptAfterTimeLimit: ms * RUNS,
  seed: SEED,
  endOnFailure: true,
});

async function openPeer(): Promise<StreamPeer> {
  for (;;) {
    const peer = await StreamPeer.open(port);
    peer.write(Buffer.from(upgrade()));
    await peer.until(() => peer.status !== 0, PATIENCE_MS);
    if (peer.status === 101) return peer;
    peer.socket.destroy();
    if (peer.status !== 503) throw new Error(`${peer.status} ${peer.head}`);
    await sleep(200);
  }
}

async function talk(peer: StreamPeer, { pieces, farewell }: Conversation): Promise<void> {
  for (const { bytes } of pieces) {
    peer.write(bytes);
    if (pieces.length % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const isOver = () => peer.close !== null || peer.isGone;
  if (!pieces.at(-1)!.isWhole) return void (await peer.until(isOver, 15)); // half a frame may wait for its rest
  peer.write(wireFrame('are you there?', { opcode: 9 }));
  const hears = () => isOver() || peer.pongs.includes('are you there?');
  if (!(await peer.until(hears, PATIENCE_MS))) throw new Error('neither an answer nor a close');
  if (isOver() || farewell === 'break' || farewell === 'replace' || farewell === 'return') return;
  const isEnd = farewell === 'end';
  peer.write(isEnd ? wireFrame('{"type":"end"}') : wireFrame(Buffer.from([3, 232]), { opcode: 8 }));
  if (!(await peer.until(() => peer.close !== null, PATIENCE_MS))) throw new Error(`no close after ${farewell}`);
}

/** By the token of what it had; as documented, whatever it was told before. */
async function comeBack(before: StreamPeer, { lastWindow, farewell }: Conversation): Promise<void> {
  const { token, rate_hz, window, outputs, gaps, smoothing, channels, units } = before.messages[0]!;
  if (farewell === 'return') before.socket.destroy();
  const peer = await openPeer();
  const resume = { token, last_window: lastWindow };
  const hello = { type: 'hello', rate_hz, hop: window.hop, outputs, gaps, smoothing, channels, units, resume };
  peer.write(wireFrame(JSON.stringify(hello)));
  await peer.until(() => peer.messages.length > 0 || peer.isGone, PATIENCE_MS);
  const [ready] = peer.messages;
  if (ready?.type !== 'ready') throw new Error(`came back to ${JSON.stringify(ready)}`);
  tally.resumed += ready.resumed ? 1 : 0;
  const part = rows(0, 50).map((row) => channels.map((_: string, i: number) => row[i % 9]!));
  peer.write(wireFrame(frame(ready.next_seq ?? 0, null, part), { opcode: 2 }));
  peer.write(wireFrame('{"type":"end"}'));
  if (!(await peer.until(() => peer.close !== null, PATIENCE_MS))) throw new Error('no end after it came back');
  checkTalk(peer, { pieces: [], farewell: 'end', lastWindow }, isMessage);
  if (!ready.resumed) return void peer.socket.destroy();
  const had = new Set(before.messages.map(({ window: one }) => one).filter((one) => one <= lastWindow));
  const twice = peer.messages.find((message) => message.type === 'result' && had.has(message.window));
  if (twice !== undefined) throw new Error(`window ${twice.window} comes again after ${lastWindow}`);
  peer.socket.destroy();
}

async function hold(conversation: Conversation): Promise<void> {
  const peer = await openPeer();
  try {
    await talk(peer, conversation);
    checkTalk(peer, conversation, isMessage);
    const isBack = ['return', 'replace'].includes(conversation.farewell) && peer.messages[0]?.type === 'ready';
    if (isBack) await comeBack(peer, conversation);
  } catch (thrown) {
    throw new Error(`${(thrown as Error).message}, in ${fc.stringify(conversation)}`);
  }
  peer.socket.destroy();
  const outcome = peer.close?.code ?? (peer.isGone ? 'cut' : 'left');
  tally.conversations += 1;
  tally.messages += peer.messages.length;
  tally.closes.set(outcome, (tally.closes.get(outcome) ?? 0) + 1);
}

t.test('each conversation goes on, or ends with a reason', async (t) => {
  const together = fc.array(conversations, { minLength: 1, maxLength: 8 });
  const property = fc.asyncProperty(together, async (several) => {
    await Promise.all(several.map(hold));
    await breathe();
  });
  await fc.assert(property, within(6000));
  t.ok(tally.conversations > 20 * RUNS, `${tally.conversations} conversations, ${tally.messages} messages`);
  t.comment(`${tally.conversations} conversations, ${tally.messages} messages, ${tally.resumed} times resumed`);
  t.comment([...tally.closes].map(([code, count]) => `${code}: ${count}`).join(', '));
  t.ok(tally.resumed > 0, `${tally.resumed} times resumed`);
  for (const code of [1000, 1007, 1008]) t.ok(tally.closes.has(code), `some are closed with ${code}`);
});

t.test('a bad upgrade gets a reply of HTTP, or none', async (t) => {
  const statuses = new Map<number, number>();
  const property = fc.asyncProperty(upgradeHeaders, async (headers) => {
    const peer = await StreamPeer.open(port);
    peer.write(Buffer.from(upgrade('/stream', headers), 'latin1'));
    await peer.until(() => peer.status !== 0 || peer.isGone, 30);
    peer.socket.destroy();
    statuses.set(peer.status, (statuses.get(peer.status) ?? 0) + 1);
    if (![0, 101, 400, 403, 405, 411, 413, 426, 431, 501, 503, 505].includes(peer.status)) throw new Error(peer.head);
    await breathe();
  });
  await fc.assert(property, within(1000));
  t.ok(statuses.has(400) && statuses.has(426), [...statuses].join('; '));
});

const CROWD = 40;
const GREEDY = '{"type":"hello","rate_hz":100,"hop":1,"outputs":{"latent":true}}';
const toHalf = (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2);

/** They say hello, begin a frame, and go. */
async function crowd(): Promise<void> {
  const bytes = Buffer.concat([wireFrame(GREEDY), toHalf(wireFrame(frame(0, 0, rows(0, 100)), { opcode: 2 }))]);
  const peers = await Promise.all(Array.from({ length: CROWD }, openPeer));
  for (const peer of peers) peer.write(bytes);
  await Promise.all(peers.map((peer) => peer.until(() => peer.messages.length > 0, PATIENCE_MS)));
  const [first] = peers.map(({ messages }) => messages[0]).filter((message) => !isMessage(message));
  if (first !== undefined) throw new Error(JSON.stringify(first));
  for (const { socket } of peers) socket.destroy();
}

/** They go before they have asked for anything. */
async function passers(): Promise<void> {
  const peers = await Promise.all(Array.from({ length: CROWD }, () => StreamPeer.open(port)));
  for (const [i, peer] of peers.entries()) peer.write(Buffer.from(upgrade().slice(0, i * 5)));
  for (const { socket } of peers) socket.resetAndDestroy();
}

/** It wants a lot, and never reads. */
async function deaf(): Promise<StreamPeer> {
  const peer = await openPeer();
  peer.socket.pause();
  peer.write(Buffer.concat([wireFrame(GREEDY), wireFrame(frame(0, 0, rows(0, 1000)), { opcode: 2 })]));
  return peer;
}

t.test('storms: hellos by the thousand, clients that go at once, in a frame, or never read', async (t) => {
  const ears: StreamPeer[] = [];
  const until = performance.now() + 2000 * RUNS;
  for (let round = 0; performance.now() < until; round++) {
    await crowd();
    await passers();
    tally.conversations += 2 * CROWD;
    if (round % 8 === 0) ears.push(await deaf());
    if (ears.length > 8) ears.shift()!.socket.destroy();
    await breathe();
  }
  for (const { socket } of ears) socket.destroy();
  t.same(witness.complaints, [], `${tally.conversations} conversations by now`);
  t.comment(`${tally.conversations} conversations by now`);
});

t.test('nobody else noticed, and nothing is left', async (t) => {
  await witness.stop();
  t.same(witness.complaints.slice(0, 5), [], `the witness had ${witness.windows} windows`);
  t.ok(witness.windows > 20 * RUNS, `${witness.windows} windows`);
  t.comment(
    `the witness had ${witness.windows} windows, and waited for ${witness.longestMs.toFixed(0)} ms at the most`,
  );
  const health = await fetch(`${url}/healthz`);
  t.equal(health.status, 200);
  const page = await (await fetch(`${url}/metrics`)).text();
  t.notMatch(page, /INTERNAL/);
  const streams = app.daemon.state.streams!;
  const isBack = () => streams.list().length === 0 && openDescriptors() <= before.descriptors + 1;
  for (let i = 0; i < 500 && !isBack(); i++) await sleep(20);
  t.same(streams.list(), []);
  t.match(streams.totals(), { connected: before.connections, detached: 0, watchers: 0, declared: 0 });
  t.ok(isBack(), `${openDescriptors()} descriptors, ${before.descriptors} before`);
  const after = memoryNow();
  const toMiB = (bytes: number) => Math.round(bytes / (1 << 20));
  const [held, rss] = [toMiB(after.held - bytesBefore.held), toMiB(after.rss - bytesBefore.rss)];
  t.comment(`${held} MiB more are held, ${rss} MiB are resident`);
  t.ok(held < MOST_HELD_MIB, `${held} MiB more are held`);
  t.ok(rss < MOST_RESIDENT_MIB, `${rss} MiB more are resident`);
  t.same(
    app.said.filter((line) => line.startsWith('error')),
    [],
  );
  await app.stop();
  t.notMatch(app.said.join('\n'), /still in flight/);
});
