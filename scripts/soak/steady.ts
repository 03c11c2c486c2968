import { RawClient, type Target } from '../../test/fakes/raw-client.ts';
import type { Door, Question } from './questions.ts';
import { addressOf, type Client, outcomeOf, repeat, type Scene, toOutcome } from './scene.ts';

/** Good clients: one connection each, questions in turn, every answer compared. */
export function steadyClients(doors: readonly Door[], unixSocket: string | null): Client[] {
  const overTcp = doors.map((door, i) => steady(`steady: ${door.name}`, door, { localAddress: addressOf(i + 1) }));
  const overUnix = unixSocket === null ? [] : [steady('steady: Unix socket', doors[0]!, { path: unixSocket })];
  return [...overTcp, ...overUnix];
}

function steady(kind: string, { perSecond, questions }: Door, where: Target): Client {
  return async (scene) => {
    scene.tally.expect(kind, ['200', '503', 'no place']);
    const target = where.path === undefined ? { ...where, port: scene.port } : where;
    let client = await RawClient.open(target);
    await repeat(scene, perSecond, async (round) => {
      if (!client.isOpen) client = await RawClient.open(target);
      await ask(scene, kind, client, questions[round % questions.length]!);
    });
    client.close();
  };
}

async function ask(scene: Scene, kind: string, client: RawClient, { request, answer }: Question) {
  const { tally } = scene;
  const reply = await outcomeOf(client, request, 5000);
  tally.asked += 1;
  tally.count(kind, toOutcome(scene, reply));
  if (typeof reply === 'string') return client.close();
  if (reply.status === 503 && !reply.headers.has('retry-after')) tally.countWrong(kind, '503 without Retry-After');
  if (reply.status !== 200 || reply.headers.has('x-batch-failed')) return; // a batch of which some windows were late
  if (reply.body.equals(answer)) tally.answered += 1;
  else tally.countWrong(kind, reply.body.toString('latin1'));
}
