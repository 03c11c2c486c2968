import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { Scan } from './iio-capture.ts';
import type { IioChannel } from './iio-devices.ts';

/** Reads the channels again and again; a turn that comes too late for its place is left out. */
export async function* pollChannels(
  channels: readonly IioChannel[],
  rateHz: number,
  now: () => number,
  signal: AbortSignal,
): AsyncGenerator<Scan> {
  const periodMs = 1000 / rateHz;
  const startAt = now();
  for (let turn = 0; !signal.aborted; ) {
    yield { timeMs: now(), raw: channels.map(readRaw) };
    turn = Math.max(turn + 1, Math.ceil((now() - startAt) / periodMs - 0.5));
    const waitMs = startAt + turn * periodMs - now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

function readRaw({ rawPath }: IioChannel): number {
  try {
    const value = Number.parseFloat(readFileSync(rawPath, 'utf8'));
    if (!Number.isNaN(value)) return value;
  } catch (cause) {
    const sentence = `${rawPath} cannot be read (${messageOf(cause)}): the device has gone, or another program has it.`;
    throw new SidecarError('UNAVAILABLE', sentence, { cause });
  }
  throw new SidecarError('UNAVAILABLE', `${rawPath} holds no number.`);
}
