import { SidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { TaskDeps } from '../core/task.ts';

export interface Rate {
  /** null: no limit. */
  readonly windowsPerSecond: number | null;
  /** null: what may be sent in a second. */
  readonly burst: number | null;
}

export interface RateLimitParts {
  readonly clock: Clock;
  /** Read at each call, so that a reload applies. */
  rate(): Rate;
}

interface Bucket {
  /** May be below zero: a batch larger than the burst is let in from a full bucket, and paid for afterwards. */
  tokens: number;
  filledAt: number;
}

/** More clients than this at a time share the fate of the one that has rested longest: its bucket is forgotten, full. */
const MAX_CLIENTS = 4096;

/** A token bucket per client, one token a window. */
export function createRateLimit({ clock, rate }: RateLimitParts): TaskDeps['admit'] {
  const buckets = new Map<string, Bucket>();
  return (call, windows, taken = 0) => {
    const { windowsPerSecond, burst } = rate();
    if (windowsPerSecond === null) return;
    const size = burst ?? Math.max(1, windowsPerSecond);
    const now = clock();
    const bucket = fill(take(buckets, toClient(call.peer), size, now), size, windowsPerSecond, now);
    bucket.tokens += taken; // given back to whoever is refused: else each try would use up what the next one needs
    const missing = Math.min(windows, size) - bucket.tokens;
    if (missing > 0) throw overRate(windowsPerSecond, (missing / windowsPerSecond) * 1000);
    bucket.tokens -= windows;
  };
}

/** Used last, forgotten last. */
function take(buckets: Map<string, Bucket>, client: string, size: number, now: number): Bucket {
  const bucket = buckets.get(client) ?? { tokens: size, filledAt: now };
  buckets.delete(client);
  buckets.set(client, bucket);
  if (buckets.size > MAX_CLIENTS) buckets.delete(buckets.keys().next().value!);
  return bucket;
}

function fill(bucket: Bucket, size: number, perSecond: number, now: number): Bucket {
  bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.filledAt) / 1000) * perSecond);
  bucket.filledAt = now;
  return bucket;
}

/** How a listener on :: sees an IPv4 client. */
const MAPPED_IPV4 = /^(0{1,4}:){5}ffff:|^::ffff:/i;

/** Whoever has one IPv6 address has a network of them, so the first 64 bits are the client. */
function toClient(peer: string): string {
  if (!peer.includes(':') || MAPPED_IPV4.test(peer)) return peer;
  return peer.split(':').slice(0, 4).join(':');
}

function overRate(perSecond: number, retryAfterMs: number): SidecarError {
  const sentence = `More than ${perSecond} windows per second came from this client (rate_limit.windows_per_s); send slower.`;
  return new SidecarError('RATE_LIMITED', sentence, { retryAfterMs });
}
