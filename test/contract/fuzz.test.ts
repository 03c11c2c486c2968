import fc from 'fast-check';
import t, { type Test } from 'tap';
import { startTestDaemon } from '../fakes/daemon.ts';
import { RawClient, type RawReply, toRequest } from '../fakes/raw-client.ts';
import { framings } from './fuzz/framing-shots.ts';
import { Gun, openDescriptors, Witness } from './fuzz/gun.ts';
import { oipDoor } from './fuzz/oip-shots.ts';
import { checkOipReply, checkReply } from './fuzz/oracle.ts';
import { Shot } from './fuzz/shot.ts';
import { checkVerdict } from './fuzz/verdict.ts';
import {
  BATCH_PATH,
  batchShots,
  OCTETS,
  octetShots,
  singleShots,
  strangeShots,
  WINDOW_BYTES,
} from './fuzz/window-shots.ts';

/**
 * Every door of the real daemon, over sockets, asked what nobody should ask: a clear answer each time, and somebody else's
 * client hears nothing of it. PROPERTY_RUNS multiplies the cases, PROPERTY_SEED repeats a run.
 */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 1);
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
const LONGEST_REPLY_MS = 5000;
/** One request of many thousands that holds the event loop for seconds shows here, and nowhere else. */
const LONGEST_WAIT_MS = 1500;
t.setTimeout(60_000 * RUNS);
t.comment(`PROPERTY_SEED=${SEED}`);

const app = await startTestDaemon(t, {
  yaml: 'server: {port: 0}\nbackend: {kind: cpu}\ninference: {deadline_ms: 5000, max_deadline_ms: 5000}\n',
});
const target = { port: Number(new URL(app.url).port) };
const descriptorsBefore = openDescriptors();
const gun = new Gun(target);
const witness = new Witness(target);
const oip = await oipDoor(gun);
let slowestMs = 0;

async function ask(shot: Shot) {
  const from = performance.now();
  const reply = await gun.fire(shot);
  slowestMs = Math.max(slowestMs, performance.now() - from);
  return reply;
}

/** Fires so many of them, checks each reply, and sees to it that none of these statuses is rare. */
async function fireAll(
  t: Test,
  shots: fc.Arbitrary<Shot>,
  numRuns: number,
  check: (shot: Shot, reply: RawReply) => unknown,
  common: readonly number[],
): Promise<void> {
  const statuses = new Map<number, number>();
  const property = fc.asyncProperty(shots, async (shot) => {
    const reply = await ask(shot);
    statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
    await check(shot, reply);
  });
  await fc.assert(property, { numRuns: numRuns * RUNS, seed: SEED, endOnFailure: true });
  const told = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  t.ok(
    common.every((status) => statuses.get(status)! >= 10 * RUNS),
    told.join(', '),
  );
}

t.test(
  'windows in JSON, changed: taken where they still are some, with the bits of binary, else refused',
  async (t) => {
    const check = async (shot: Shot, reply: RawReply) => {
      checkReply(shot, reply);
      await checkVerdict(shot, reply, ask);
    };
    await fireAll(t, singleShots, 700, check, [200, 422]);
    await fireAll(t, batchShots, 250, check, [200, 422]);
  },
);

t.test('binary windows: whatever the bits are', async (t) => {
  await fireAll(t, octetShots, 700, checkReply, [200, 422]);
});

t.test('binary bodies of every length', async (t) => {
  const octets = [['content-type', OCTETS]] as const;
  const taken: Record<string, number[]> = { '/infer': [], '/encode': [], [BATCH_PATH]: [] };
  const bytes = new Uint8Array(65 * WINDOW_BYTES + 1);
  const lengths = [64, 65].flatMap((windows) => [-1, 0, 1].map((off) => windows * WINDOW_BYTES + off));
  for (const [path, lengthsTaken] of Object.entries(taken)) {
    for (const length of [...Array(2 * WINDOW_BYTES + 2).keys(), ...lengths]) {
      if (length % WINDOW_BYTES > 8 && length % WINDOW_BYTES < WINDOW_BYTES - 8 && length % 7 !== SEED % 7) continue;
      const shot = new Shot(path, '', octets, bytes.subarray(0, length));
      const reply = await ask(shot);
      checkReply(shot, reply);
      if (reply.status === 200) lengthsTaken.push(length);
    }
  }
  t.same(taken, {
    '/infer': [WINDOW_BYTES],
    '/encode': [WINDOW_BYTES],
    [BATCH_PATH]: [1, 2, 64].map((windows) => windows * WINDOW_BYTES),
  });
});

t.test('an envelope of nonsense: headers, queries, the wrong door', async (t) => {
  await fireAll(t, strangeShots, 900, checkReply, [200, 400, 404, 415, 422]);
});

t.test('no HTTP, or two readings of it: refused or closed, at once or when the client goes', async (t) => {
  const refusals = new Set([400, 404, 405, 411, 413, 414, 415, 422, 431, 501, 505]);
  await fc.assert(
    fc.asyncProperty(framings, async (bytes) => {
      const client = await RawClient.open(target);
      const reply = await client.ask(bytes, 40).catch(() => null);
      client.close();
      const isWhole = reply === null || refusals.has(reply.status) || [200, 204].includes(reply.status);
      if (!isWhole)
        throw new Error(
          `${reply.status} ${reply.body.subarray(0, 300)} to ${JSON.stringify(bytes.toString('latin1', 0, 400))}`,
        );
    }),
    { numRuns: 150 * RUNS, seed: SEED },
  );
  t.pass();
});

t.test('the Open Inference Protocol', { skip: oip === null && 'this daemon has no /v2' }, async (t) => {
  await fireAll(t, oip!.shots, 1200, checkOipReply, [200, 400]);
  await fc.assert(
    fc.asyncProperty(oip!.requests, async (request) => checkOipReply(request.shot, await gun.send(request.bytes))),
    { numRuns: 200 * RUNS, seed: SEED },
  );
  const statuses: number[] = [];
  for (const shot of oip!.pieces) statuses.push((await ask(shot)).status);
  t.same(statuses, [200, ...statuses.slice(1, -1).map(() => 400), 200], 'pieces of a right request are none');
  t.same(await oip!.values(gun), (await oip!.expected(gun)) as unknown, 'a right request has the bits of /infer');
});

t.test('nobody else noticed, and nothing is left', async (t) => {
  await witness.stop();
  t.same(witness.complaints, [], 'the witness got the same all the time');
  t.ok(witness.answers > 100, `${witness.answers} answers`);
  t.ok(witness.longestMs < LONGEST_WAIT_MS, `the witness waited ${witness.longestMs.toFixed(0)} ms at the most`);
  t.ok(slowestMs < LONGEST_REPLY_MS, `the slowest reply took ${slowestMs.toFixed(0)} ms`);
  const page = (await gun.send(toRequest('GET', '/metrics'))).body.toString();
  t.match(page, /^hailo_queue_waiting 0$/m);
  t.match(page, /^hailo_queue_waiting_in_batches 0$/m);
  t.match(page, /^hailo_queue_in_flight 0$/m);
  t.notMatch(page, /error_type="INTERNAL"/);
  gun.close();
  const isBack = () => openDescriptors() <= descriptorsBefore;
  for (let i = 0; i < 200 && !isBack(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(isBack(), `${openDescriptors()} descriptors, ${descriptorsBefore} before`);
  const faults = app.said.filter((line) => line.startsWith('error') && !line.includes('is not finite'));
  t.same(faults, [], 'no fault in the log');
  await app.stop();
  t.match(app.notified.join('\n'), /STOPPING Stopping: 0 requests in flight/);
});
