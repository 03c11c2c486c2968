import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { restWindow } from '../fakes/daemon.ts';
import { type Balancer, findHaproxy, startHaproxy } from '../fakes/haproxy.ts';
import { type Ask, startLoad, type Tally } from '../fakes/kept-load.ts';
import { freePort, ROOT } from './launch.ts';

/** Three daemons from the sources behind Debian's HAProxy, with the haproxy.cfg that ships. */
interface Box {
  readonly port: number;
  start(): Promise<ChildProcess>;
}

const START = join(ROOT, 'scripts', 'start.ts');
const CLIENTS = 16;
const REST_MS = 25;
const DRAIN_DELAY_MS = 3000;

async function createBox(t: Test, directory: string, name: string): Promise<Box> {
  const port = await freePort();
  const file = join(directory, `${name}.yaml`);
  const yaml = [
    `server: {port: ${port}, drain_delay_ms: ${DRAIN_DELAY_MS}}`,
    'backend: {kind: cpu, cpu: {threads: 1}}',
    'inference: {deadline_ms: 1000}', // on a busy machine 40 ms pass by themselves
    `model: {store: ${join(directory, name)}}`,
    'admin: {socket: null}',
  ];
  writeFileSync(file, `${yaml.join('\n')}\n`);
  return { port, start: () => startBox(t, file) };
}

async function startBox(t: Test, file: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [START, '--config', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  while (!/Serving/.test(said)) {
    if (child.exitCode !== null) throw new Error(`ended:\n${said}`);
    await pause(20);
  }
  return child;
}

/**
 * JSON and binary bodies by turns, the JSON with all the digits that numbers can have, so that it needs more than HAProxy's
 * usual buffer. The right answer is the one that a daemon gives when nothing happens.
 */
async function askBoth(url: string): Promise<Ask[]> {
  const x = restWindow().map((row, i) => row.map((value, j) => value + Math.sin(9 * i + j) / 1000));
  const json = { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ x })) };
  if (json.body.length <= 16384) throw new Error('that would fit');
  const type = 'application/octet-stream';
  const body = Buffer.from(new Float32Array(x.flat()).buffer);
  const binary = { headers: { 'content-type': type, accept: type }, body };
  return Promise.all(
    [json, binary].map(async (ask) => {
      const reply = await fetch(url, { method: 'POST', headers: { ...ask.headers }, body: new Uint8Array(ask.body) });
      if (reply.status !== 200) throw new Error(await reply.text());
      const right = Buffer.from(await reply.arrayBuffer());
      return { ...ask, judge: (body: Buffer) => (body.equals(right) ? null : `another answer: ${body}`) };
    }),
  );
}

async function untilUnready({ port }: Box): Promise<void> {
  while ((await fetch(`http://127.0.0.1:${port}/health/ready`)).ok) await pause(5);
}

/** HAProxy gives these 1200 ms instead of 200, for which a busy machine may well hold a daemon up. */
function inNoHurry(ask: Ask): Ask {
  return { ...ask, headers: { ...ask.headers, 'x-request-timeout-ms': '1000' } };
}

/** What failed, how many connections the clients needed, and what HAProxy counted meanwhile. */
async function during(balancer: Balancer, asks: readonly Ask[], what: () => Promise<void>) {
  const [before, saidBefore] = [await balancer.figures(), balancer.said().length];
  const load = startLoad(`${balancer.url}/infer`, asks, CLIENTS, REST_MS);
  let tally: Tally;
  try {
    await pause(1000);
    await what();
    await pause(1000);
  } finally {
    tally = await load.stop();
  }
  const after = await balancer.figures();
  const grown = (key: 'retries' | 'redispatches' | 'answered', server = 'boxes') =>
    after[server]![key] - before[server]![key];
  return {
    ...tally,
    retries: grown('retries'),
    redispatches: grown('redispatches'),
    grown,
    said: balancer.said().slice(saidBefore),
  };
}

const figuresOf = (
  t: Test,
  { asked, latenciesMs, retries, redispatches }: Tally & { retries: number; redispatches: number },
) => {
  const at = (q: number) => latenciesMs[Math.floor(q * (latenciesMs.length - 1))]!.toFixed(1);
  t.comment(
    `${asked} requests, ${retries} retries, ${redispatches} redispatches; ms: p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)}`,
  );
};

/** A client of /stream that keeps what it is told. */
function openStream(url: string, token: string | null = null) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/stream`);
  const [servedBy, closed] = [Promise.withResolvers<string>(), Promise.withResolvers<number>()];
  // biome-ignore lint/suspicious/noExplicitAny: what the daemon says is for the test to judge
  const told: any[] = [];
  const say = (message: object) => socket.send(JSON.stringify(message));
  const resume = token === null ? {} : { resume: { token } };
  socket.on('upgrade', ({ headers }) => servedBy.resolve(String(headers['x-served-by'])));
  socket.on('open', () => say({ type: 'hello', rate_hz: 100, ...resume }));
  socket.on('message', (message) => told.push(JSON.parse(String(message))));
  socket.on('close', (code) => closed.resolve(code));
  socket.on('error', () => {}); // then it closes
  return {
    ...{ say, servedBy: servedBy.promise, closed: closed.promise },
    send: (seq: number, count: number) =>
      say({ type: 'samples', seq, t_ms: seq * 10, samples: restWindow().slice(0, count) }),
    until: async (type: string) => {
      while (!told.some((message) => message.type === type)) await pause(5);
      return told.find((message) => message.type === type);
    },
  };
}

const skip = findHaproxy() === null && !process.env.CI ? 'haproxy is missing: apt install haproxy' : false;

t.test('three daemons behind HAProxy', { skip }, async (t) => {
  const directory = t.testdir({ box1: {}, box2: {}, box3: {} });
  const boxes = await Promise.all(['box1', 'box2', 'box3'].map((name) => createBox(t, directory, name)));
  const [first, second, third] = await Promise.all(boxes.map((box) => box.start()));
  const children = new Map([['box1', first!]]);
  const ports = boxes.map(({ port }) => port);
  const balancer = await startHaproxy(t, directory, ports); // the configuration that ships
  for (const name of ['box1', 'box2', 'box3']) await balancer.until(name, 'UP');
  const asks = await askBoth(`${balancer.url}/infer`);

  await t.test('one is killed under load: no request fails, because HAProxy sends them again', async (t) => {
    const seen = await during(balancer, asks, async () => {
      second!.kill('SIGKILL');
      await balancer.until('box2', 'DOWN');
    });
    figuresOf(t, seen);
    t.same([seen.failed, seen.connections], [[], CLIENTS]);
    t.ok(seen.redispatches > 0, 'it did have to');
  });

  await t.test('started again it gets its share again', async (t) => {
    const seen = await during(balancer, asks, async () => {
      children.set('box2', await boxes[1]!.start());
      await balancer.until('box2', 'UP');
    });
    figuresOf(t, seen);
    t.same([seen.failed, seen.connections], [[], CLIENTS]);
    t.ok(seen.grown('answered', 'box2') > 0);
  });

  await t.test('one hangs, and goes on later: what it swallowed is answered by others', async (t) => {
    const seen = await during(balancer, asks, async () => {
      first!.kill('SIGSTOP');
      await balancer.until('box1', 'DOWN');
      first!.kill('SIGCONT');
      await balancer.until('box1', 'UP');
    });
    figuresOf(t, seen);
    t.same([seen.failed, seen.connections], [[], CLIENTS]);
    t.ok(seen.retries > 0, 'it did have to');
  });

  await t.test('one is stopped with drain_delay_ms: nothing fails, and nothing is sent twice', async (t) => {
    const seen = await during(balancer, asks.map(inNoHurry), async () => {
      const ended = once(third!, 'exit');
      third!.kill('SIGTERM');
      await untilUnready(boxes[2]!);
      const { box3: leaving } = await balancer.figures();
      await balancer.until('box3', 'DOWN');
      const { box3: left } = await balancer.figures();
      t.equal(third!.exitCode, null, 'HAProxy knows before it is gone');
      t.ok(left!.answered > leaving!.answered, 'it serves on');
      t.ok(left!.reused - leaving!.reused <= CLIENTS, 'each kept connection carries one more request at most');
      t.same(await ended, [0, null]);
    });
    figuresOf(t, seen);
    t.same([seen.failed, seen.connections], [[], CLIENTS]);
    t.same([seen.retries, seen.redispatches], [0, 0], { said: seen.said });
  });

  await t.test('a stream whose box is killed begins anew on another one, and says so', async (t) => {
    const stream = openStream(balancer.url);
    const { token } = await stream.until('ready');
    stream.send(0, 100);
    t.match(await stream.until('result'), { window: 0, dropped: 0 });
    children.get(await stream.servedBy)!.kill('SIGKILL');
    t.ok((await stream.closed) >= 1000, 'the client hears of it');
    const again = openStream(balancer.url, token);
    t.match(await again.until('ready'), { resumed: false, next_seq: null, reason: /no stream of this token/ });
    t.not(await again.servedBy, await stream.servedBy);
    again.send(100, 100);
    t.match(await again.until('result'), { window: 0, start_ms: 1000 });
    again.say({ type: 'end' });
    t.equal(await again.closed, 1000);
  });
});
