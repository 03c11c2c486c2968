import { setTimeout as sleep } from 'node:timers/promises';
import { NoReply, RawClient, type RawReply, type Target } from '../../test/fakes/raw-client.ts';
import type { Tally } from './tally.ts';

/** What every client of the run knows. */
export interface Scene {
  readonly port: number;
  /** null when the daemon has none. */
  readonly unixSocket: string | null;
  readonly tally: Tally;
  /** While there are more clients than the daemon takes, new ones are closed unread; by performance.now(). */
  readonly crowd: { until: number };
  /** Aborted when the run is over. */
  readonly over: AbortSignal;
}

/** Goes on until the run is over; then it has closed what it opened. */
export type Client = (scene: Scene) => Promise<void>;

/** Each kind of client calls from an address of its own, as rates are counted by address. */
export function addressOf(number: number): string {
  return `127.0.1.${number}`;
}

/** Resolves after the time, or as soon as the run is over. */
export async function pause({ over }: Scene, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => {});
}

/** Does it again and again, so many times a second, in turn; a late one is not made up for. */
export async function repeat(scene: Scene, perSecond: number, act: (round: number) => Promise<void>): Promise<void> {
  let dueAt = performance.now() + (Math.random() * 1000) / perSecond;
  for (let round = 0; !scene.over.aborted; round++) {
    await pause(scene, Math.max(0, dueAt - performance.now()));
    if (scene.over.aborted) return;
    await act(round);
    dueAt = Math.max(dueAt + 1000 / perSecond, performance.now());
  }
}

/** The reply, or how the connection went without one. */
export async function outcomeOf(client: RawClient, request: Uint8Array, timeoutMs: number): Promise<RawReply | string> {
  try {
    return await client.ask(request, timeoutMs);
  } catch (thrown) {
    if (!(thrown instanceof NoReply)) throw thrown;
    return client.isOpen ? 'silent' : 'closed';
  }
}

/** The status, or what was instead of one; null is a connection that could not be made. */
export function toOutcome({ crowd }: Scene, reply: RawReply | string | null): string {
  if (reply === null || (reply === 'closed' && performance.now() < crowd.until)) return 'no place';
  return typeof reply === 'string' ? reply : String(reply.status);
}

/** A connection for one deed, closed afterwards; null when the server has no place for it. */
export async function withClient<T>(target: Target, act: (client: RawClient) => Promise<T>): Promise<T | null> {
  const client = await RawClient.open(target).catch(() => null);
  if (client === null) return null;
  try {
    return await act(client);
  } finally {
    client.close();
  }
}
