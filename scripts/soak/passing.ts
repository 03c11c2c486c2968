import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient, toRequest } from '../../test/fakes/raw-client.ts';
import { exampleWindows } from './questions.ts';
import { addressOf, type Client, outcomeOf, repeat, toOutcome, withClient } from './scene.ts';

/** Clients that come and go: a connection for each request, or for none. */
const CHURN = 'passing: a connection each';
const CROWD = 'passing: a crowd';
const CLOSE = [['connection', 'close']] as const;
const window = exampleWindows()[3]!;
const requests = [
  toRequest('GET', '/health/live', CLOSE),
  null,
  toRequest(
    'POST',
    '/infer',
    [...CLOSE, ['content-type', 'application/json']],
    Buffer.from(JSON.stringify({ x: window })),
  ),
  toRequest('GET', '/health/live'),
];

export const churningClient: Client = async (scene) => {
  scene.tally.expect(CHURN, ['200', '503', 'nothing', 'no place']);
  const target = { port: scene.port, localAddress: addressOf(109) };
  await repeat(scene, 40, async (round) => {
    const request = requests[round % requests.length]!;
    const reply = await withClient(target, async (client) =>
      request === null ? 'nothing' : outcomeOf(client, request, 5000),
    );
    scene.tally.count(CHURN, toOutcome(scene, reply));
  });
};

/** More connections at once than the daemon takes, for a moment; it closes the rest, and then there is room again. */
export const crowd: Client = async (scene) => {
  scene.tally.expect(CROWD, ['full', 'no place']);
  const target = { port: scene.port, localAddress: addressOf(110) };
  await repeat(scene, 1 / 45, async () => {
    scene.crowd.until = Number.POSITIVE_INFINITY;
    const clients = await Promise.all(Array.from({ length: 300 }, () => RawClient.open(target).catch(() => null)));
    await sleep(200);
    for (const client of clients) client?.close();
    scene.crowd.until = performance.now() + 500; // so long may the daemon take to hear that they have gone
    scene.tally.count(CROWD, 'full');
  });
};
