import { toRequest } from '../../test/fakes/raw-client.ts';
import { exampleWindows } from './questions.ts';
import { addressOf, type Client, pause, repeat, withClient } from './scene.ts';

/** Clients that die: in the head, in the body, while their window waits, while their answer is on its way. */
const window = exampleWindows()[0]!;
const JSON_TYPE = [['content-type', 'application/json']] as const;
const one = toRequest('POST', '/infer', JSON_TYPE, Buffer.from(JSON.stringify({ x: window })));
const many = toRequest(
  'POST',
  '/infer/batch',
  JSON_TYPE,
  Buffer.from(JSON.stringify({ windows: Array(8).fill(window) })),
);
const KIND = 'crashing';

interface Death {
  readonly bytes: Buffer;
  /** Between the last byte and the end. */
  readonly afterMs: number;
  readonly isHalfClosed?: boolean;
}

const DEATHS: readonly Death[] = [
  { bytes: Buffer.alloc(0), afterMs: 0 },
  { bytes: one.subarray(0, 20), afterMs: 0 },
  { bytes: one.subarray(0, 20), afterMs: 200 },
  { bytes: one.subarray(0, one.length >> 1), afterMs: 0 },
  { bytes: one.subarray(0, one.length >> 1), afterMs: 300 },
  { bytes: one.subarray(0, -1), afterMs: 50, isHalfClosed: true },
  { bytes: one, afterMs: 0 },
  { bytes: one, afterMs: 1 },
  { bytes: one, afterMs: 20, isHalfClosed: true },
  { bytes: many, afterMs: 0 },
  { bytes: many, afterMs: 3 },
  { bytes: many.subarray(0, -5000), afterMs: 10 },
];

export const crashingClient: Client = async (scene) => {
  scene.tally.expect(KIND, ['gone', 'no place']);
  const target = { port: scene.port, localAddress: addressOf(101) };
  await repeat(scene, 12, async (round) => {
    const { bytes, afterMs, isHalfClosed } = DEATHS[round % DEATHS.length]!;
    const left = await withClient(target, async ({ socket }) => {
      if (isHalfClosed) socket.end(bytes);
      else socket.write(bytes);
      await pause(scene, afterMs);
      socket.resetAndDestroy();
      return 'gone';
    });
    scene.tally.count(KIND, left ?? 'no place');
  });
};
