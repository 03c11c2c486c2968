import { RawClient, toRequest } from '../../test/fakes/raw-client.ts';
import type { Daemon } from './daemon.ts';
import { countDescriptors, readMemory, readPage, type Sample } from './samples.ts';
import { type Client, outcomeOf, pause, repeat, type Scene, toOutcome, withClient } from './scene.ts';

/** Who watches: a scraper that takes the samples, health checks, and an administrator who reloads. */
const OPEN_METRICS = [['accept', 'application/openmetrics-text']] as const;

/** @param perSecond samples */
export function sampler(daemon: Daemon, samples: Sample[], perSecond: number): Client {
  return async (scene) => {
    const kind = 'watching: metrics';
    scene.tally.expect(kind, ['200', 'no place']);
    const from = performance.now();
    const client = await RawClient.open({ port: scene.port });
    let before = { atS: 0, answered: scene.tally.answered };
    await repeat(scene, perSecond, async (round) => {
      const headers = round % 10 === 9 ? OPEN_METRICS : [];
      const reply = await outcomeOf(client, toRequest('GET', '/metrics', headers), 5000);
      scene.tally.count(kind, toOutcome(scene, reply));
      if (typeof reply === 'string' || daemon.death() !== null) return;
      const atS = (performance.now() - from) / 1000;
      const goodPerS = (scene.tally.answered - before.answered) / (atS - before.atS);
      before = { atS, answered: scene.tally.answered };
      const { pid } = daemon;
      const page = readPage(reply.body.toString());
      samples.push({ atS, ...readMemory(pid), ...page, descriptors: countDescriptors(pid), goodPerS });
    });
    client.close();
  };
}

export const healthChecker: Client = async (scene) => {
  const client = await RawClient.open({ port: scene.port });
  const paths = ['/healthz', '/status', '/health/ready', '/', '/openapi.json', '/v1/models'];
  for (const path of paths) scene.tally.expect(`watching: ${path}`, ['200', 'no place']);
  await repeat(scene, 1, async (round) => {
    const path = paths[round % paths.length]!;
    const reply = await outcomeOf(client, toRequest('GET', path), 5000);
    scene.tally.count(`watching: ${path}`, toOutcome(scene, reply));
  });
  client.close();
};

/** SIGHUP now and then; the page tells whether the configuration on disk is in force. */
export function reloader(daemon: Daemon): Client {
  const kind = 'watching: reload';
  return async (scene) => {
    scene.tally.expect(kind, ['in force', 'no place']);
    await repeat(scene, 1 / 20, async () => {
      daemon.reload();
      const isInForce = await withClient({ port: scene.port }, (client) => untilInForce(scene, client));
      const outcome = isInForce === null ? null : isInForce ? 'in force' : 'not in force';
      if (!scene.over.aborted) scene.tally.count(kind, toOutcome(scene, outcome));
    });
  };
}

async function untilInForce(scene: Scene, client: RawClient): Promise<boolean> {
  for (let i = 0; i < 20 && !scene.over.aborted; i++) {
    const reply = await outcomeOf(client, toRequest('GET', '/metrics'), 5000);
    if (typeof reply !== 'string' && /^hailo_config_ok\{.*\} 1$/m.test(reply.body.toString())) return true;
    await pause(scene, 100);
  }
  return false;
}
