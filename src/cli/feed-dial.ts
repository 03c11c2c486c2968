import { SidecarError } from '../core/errors.ts';
import { STREAM_SUBPROTOCOL } from '../core/stream-hello.ts';
import type { ClientListener, ClientSocket } from '../system/websocket.ts';
import { UpgradeRefused, whyUnreachable } from '../system/websocket.ts';
import type { StreamReach } from './feed-reach.ts';
import type { Patience } from './feed-tries.ts';
import { noDaemon } from './no-daemon.ts';

/** A connection, or why there is none and whether another try may help. */
export type Dialled = { readonly socket: ClientSocket } | Undialled;

export interface Undialled {
  readonly error: SidecarError;
  readonly mayRetry: boolean;
  readonly retryAfterMs: number;
  /** Somebody may be there, and did not answer in time. */
  readonly isSilent: boolean;
}

export interface DialDeps {
  readonly reach: StreamReach;
  readonly patience: Pick<Patience, 'answerMs'>;
  readonly signal: AbortSignal;
}

/** One try. A daemon that is full refuses those who begin, not those who say that they come back. Never rejects. */
export async function dial(deps: DialDeps, isFirst: boolean, listener: ClientListener): Promise<Dialled> {
  const { reach, patience, signal } = deps;
  const late = AbortSignal.timeout(patience.answerMs);
  const path = isFirst ? '/stream' : '/stream?resume=1';
  try {
    return { socket: await reach.connect(path, STREAM_SUBPROTOCOL, listener, AbortSignal.any([signal, late])) };
  } catch (thrown) {
    if (thrown instanceof SidecarError) return { error: thrown, mayRetry: false, retryAfterMs: 0, isSilent: false };
    if (thrown instanceof UpgradeRefused) return refused(reach.place, thrown);
    const why = late.aborted ? `nothing came within ${patience.answerMs / 1000} s` : whyUnreachable(thrown);
    return { error: noDaemon(reach.place, why, thrown), mayRetry: true, retryAfterMs: 0, isSilent: late.aborted };
  }
}

function refused(place: string, { status, body, retryAfterMs }: UpgradeRefused): Dialled {
  const mayRetry = status === 429 || status === 503 || status === 502 || status === 504;
  const said = sentenceIn(body);
  const sentence =
    status === 404 || status === 426
      ? `The daemon at ${place} has no streams: it is older than this program, or something else answers there. Name the address with --url.`
      : `The daemon at ${place} refuses the stream with ${status}${said === '' ? '.' : `: ${said}`}`;
  return {
    error: new SidecarError('UNAVAILABLE', sentence),
    mayRetry,
    retryAfterMs: retryAfterMs ?? 0,
    isSilent: false,
  };
}

function sentenceIn(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    return typeof error?.message === 'string' ? error.message : '';
  } catch {
    return body.slice(0, 200).trim(); // no JSON: a proxy's page
  }
}

/** What a close means to a feed. */
export interface Verdict {
  readonly mayResume: boolean;
  /** For people, a part of a sentence. */
  readonly why: string;
  readonly waitMs: number;
}

const POLITE_MS = 1000;

export function verdictOf(code: number, reason: string): Verdict {
  const said = reason === '' ? `code ${code}` : reason;
  if (code === 1012) return { mayResume: true, why: `the daemon restarts (${said})`, waitMs: POLITE_MS };
  if (code === 1013) return { mayResume: true, why: `the daemon has too much to do (${said})`, waitMs: 2 * POLITE_MS };
  if (code === 1001) return { mayResume: true, why: `the daemon closed the stream (${said})`, waitMs: 0 };
  if (code === 1011) return { mayResume: true, why: `the daemon failed (${said})`, waitMs: POLITE_MS };
  if (code === 1000) return { mayResume: true, why: 'the stream was closed before its end', waitMs: 0 };
  if (code === 1006 || code === 1005) return { mayResume: true, why: reason || 'the connection broke', waitMs: 0 };
  if (code === 4001) return { mayResume: false, why: 'another connection has resumed this stream', waitMs: 0 };
  return { mayResume: false, why: `the daemon closed the stream: ${said}`, waitMs: 0 };
}
