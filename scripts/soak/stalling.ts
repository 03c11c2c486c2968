import { type RawClient, toRequest } from '../../test/fakes/raw-client.ts';
import { exampleWindows } from './questions.ts';
import { addressOf, type Client, pause, repeat, type Scene, toOutcome, withClient } from './scene.ts';

/** Clients that have all the time in the world: to write, or never to read. */
const window = exampleWindows()[1]!;
const JSON_TYPE = [['content-type', 'application/json']] as const;
const one = toRequest('POST', '/infer', JSON_TYPE, Buffer.from(JSON.stringify({ x: window })));
const headBytes = one.indexOf('\r\n\r\n') + 4;
const many = toRequest(
  'POST',
  '/infer/batch',
  JSON_TYPE,
  Buffer.from(JSON.stringify({ windows: Array(16).fill(window) })),
);

/** Head by the byte until the server has had enough, or the client. */
const slowHead = stalling('stalling: head', 102, ['closed', 'gave up', '400', '408'], async (scene, client) => {
  for (let at = 0; at < headBytes - 1 && client.isOpen && !scene.over.aborted; at++) {
    client.socket.write(one.subarray(at, at + 1));
    await pause(scene, 400);
  }
  return client.isOpen ? 'gave up' : 'closed';
});

/** A body in pieces; it is whole in the end, and answered. */
const slowBody = stalling('stalling: body', 103, ['200', '503', 'gave up'], async (scene, client) => {
  client.socket.write(one.subarray(0, headBytes));
  let at = headBytes;
  for (; at < one.length - 500 && client.isOpen && !scene.over.aborted; at += 500) {
    client.socket.write(one.subarray(at, at + 500));
    await pause(scene, 250);
  }
  if (scene.over.aborted || !client.isOpen) return client.isOpen ? 'gave up' : 'closed';
  return client.ask(one.subarray(at), 5000).then(
    ({ status }) => String(status),
    () => 'closed',
  );
});

/** A body that stops in the middle: the server's memory for it must come back. */
const stoppedBody = stalling('stalling: stopped body', 104, ['closed', 'gave up'], async (scene, client) => {
  client.socket.write(many.subarray(0, many.length >> 1));
  for (let i = 0; i < 40 && client.isOpen && !scene.over.aborted; i++) await pause(scene, 500);
  return client.isOpen ? 'gave up' : 'closed';
});

/** Asks for a lot, and never reads a byte of it. */
const deaf = stalling('stalling: deaf', 105, ['closed', 'gave up'], async (scene, client) => {
  client.socket.pause();
  const pages = ['/metrics', '/openapi.json', '/status'].map((path) => toRequest('GET', path));
  for (let i = 0; i < 30 && client.isOpen && !scene.over.aborted; i++) {
    client.socket.write(i % 5 === 0 ? many : pages[i % pages.length]!);
    await pause(scene, 400);
  }
  return client.isOpen ? 'gave up' : 'closed';
});

/** Many requests at once on one connection, for a lot that it never reads. */
const pipeliner = stalling('stalling: pipeline', 106, ['closed', 'gave up'], async (scene, client) => {
  client.socket.pause();
  client.socket.write(Buffer.concat(Array(1000).fill(toRequest('GET', '/openapi.json'))));
  await pause(scene, 500);
  client.socket.write(Buffer.concat([one, one, one]));
  await pause(scene, 2000);
  return client.isOpen ? 'gave up' : 'closed';
});

function stalling(
  kind: string,
  address: number,
  allowed: readonly string[],
  act: (scene: Scene, client: RawClient) => Promise<string>,
): Client {
  return async (scene) => {
    scene.tally.expect(kind, [...allowed, 'no place']);
    const target = { port: scene.port, localAddress: addressOf(address) };
    await repeat(scene, 1, async () => {
      const outcome = await withClient(target, async (client) => {
        const met = await act(scene, client);
        client.socket.resetAndDestroy();
        return met;
      });
      scene.tally.count(kind, toOutcome(scene, outcome));
    });
  };
}

export const stallingClients: readonly Client[] = [
  slowHead,
  slowHead,
  slowBody,
  slowBody,
  stoppedBody,
  deaf,
  deaf,
  pipeliner,
];
