import { NO_RANGES, RANGES } from '../../../src/tasks/tcn/schema.ts';
import type { RawReply } from '../../fakes/raw-client.ts';
import { judge, judgeBatch } from '../../tasks/tcn/judge.ts';
import { Shot } from './shot.ts';
import { BATCH_PATH, OCTETS } from './window-shots.ts';

/** Whether a JSON body was rightly taken or refused, and answered as the same window is in binary. */
export type Ask = (shot: Shot) => Promise<RawReply>;

const LARGEST_BODY = 1 << 20;
const MOST_WINDOWS = 64;
/** Deeper than that nothing is built, though JSON.parse could. */
const TOO_DEEP = /\[{1000}/;
const OCTET_HEADERS = [['content-type', OCTETS]] as const;

export async function checkVerdict(shot: Shot, reply: RawReply, ask: Ask): Promise<void> {
  if (shot.body.length > LARGEST_BODY) return expect(reply, [413], 'it is too large');
  const limits = shot.query === '?normalized=true' ? NO_RANGES : RANGES;
  const isTooDeep = TOO_DEEP.test(Buffer.from(shot.body).toString('latin1'));
  if (shot.path === BATCH_PATH) {
    const windows = isTooDeep ? null : judgeBatch(shot.body, limits, MOST_WINDOWS);
    return windows === null ? expect(reply, [400, 422], 'it is no batch') : checkResults(shot, reply, windows, ask);
  }
  const window = isTooDeep ? null : judge(shot.body, limits, shot.path === '/encode' ? ['imu_window', 'x'] : ['x']);
  if (window === null) return expect(reply, [400, 422], 'it is no window');
  sameReply(reply, await ask(toBinary(shot, window)));
}

function expect(reply: RawReply, statuses: readonly number[], why: string): void {
  if (!statuses.includes(reply.status))
    throw new Error(`${reply.status}, though ${why}: ${reply.body.subarray(0, 300)}`);
}

const toBinary = ({ path, query }: Shot, window: Float32Array) =>
  new Shot(path === BATCH_PATH ? '/infer' : path, query, OCTET_HEADERS, new Uint8Array(window.buffer));

function sameReply(json: RawReply, binary: RawReply): void {
  if (json.status === binary.status && (json.status !== 200 || json.body.equals(binary.body))) return;
  throw new Error(`In JSON:\n${json.status} ${json.body}\nin binary:\n${binary.status} ${binary.body}`);
}

/** Each window as it is answered alone. */
async function checkResults(
  shot: Shot,
  reply: RawReply,
  windows: readonly (Float32Array | null)[],
  ask: Ask,
): Promise<void> {
  const { results } = JSON.parse(reply.body.toString()) as { results: { error?: { code: string } }[] };
  if (results.length !== windows.length) throw new Error(`${results.length} results for ${windows.length} windows`);
  for (const [i, window] of windows.entries()) {
    if (window === null && results[i]!.error?.code === 'INVALID_INPUT') continue;
    if (window === null) throw new Error(`Window ${i} is none, and was answered`);
    const alone = JSON.parse((await ask(toBinary(shot, window))).body.toString()) as { error?: { code: string } };
    if (JSON.stringify(alone.error?.code ?? alone) === JSON.stringify(results[i]!.error?.code ?? results[i])) continue;
    throw new Error(`Window ${i} of the batch:\n${JSON.stringify(results[i])}\nalone:\n${JSON.stringify(alone)}`);
  }
}
