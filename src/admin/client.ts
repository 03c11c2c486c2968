import { type IncomingMessage, request } from 'node:http';
import { ERRORS, type ErrorCode, messageOf, SidecarError } from '../core/errors.ts';
import type { AdminFailure, AdminRoute } from './route.ts';

export interface AdminClient {
  /**
   * Resolves with the JSON of the reply. Throws the daemon's own SidecarError; DaemonAbsent when none runs; FORBIDDEN,
   * UNAVAILABLE (cut off, no reply that makes sense), DEADLINE_EXCEEDED (it may still be at it).
   */
  call(method: AdminRoute['method'], path: string, body?: unknown, options?: CallOptions): Promise<unknown>;
}

export interface CallOptions {
  /** From the first byte of the request to the last of the reply; 10 s when not given. */
  readonly timeoutMs?: number;
}

/** No daemon listens at the socket. Nothing was done, and what needs no daemon may go on. */
export class DaemonAbsent extends SidecarError {
  constructor(path: string, cause: unknown) {
    super('UNAVAILABLE', `No daemon answers at ${path}: start it with "systemctl start hailo-tcn-sidecar".`, { cause });
    this.name = 'DaemonAbsent';
  }
}

const TIMEOUT_MS = 10_000;
const REPLY_LIMIT_BYTES = 4 * 1024 * 1024;

/** Speaks to the daemon's admin socket at `path`; a connection of its own for each call. */
export function createAdminClient(path: string): AdminClient {
  return {
    call: async (method, target, body, { timeoutMs = TIMEOUT_MS } = {}) => {
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        return toResult(await exchange({ socketPath: path, method, path: target, signal: deadline }, body));
      } catch (thrown) {
        if (deadline.aborted && !(thrown instanceof SidecarError)) throw tooLate(timeoutMs, thrown);
        throw toClientError(thrown, path);
      }
    },
  };
}

interface Target {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  readonly signal: AbortSignal;
}

async function exchange(target: Target, body: unknown): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const json = body === undefined ? '' : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
  const outgoing = request({ ...target, headers, agent: false }, resolve);
  outgoing.on('error', reject); // stays, because a late one must not go unheard
  outgoing.end(json);
  try {
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await readText(response) };
  } finally {
    outgoing.destroy();
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > REPLY_LIMIT_BYTES) throw new Error(`the reply has more than ${REPLY_LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toResult({ status, text }: { status: number; text: string }): unknown {
  const reply: unknown = JSON.parse(text);
  if (status === 200) return reply;
  const { code, message } = (reply as Partial<AdminFailure> | null)?.error ?? {};
  if (typeof code !== 'string' || typeof message !== 'string') throw new Error(`status ${status} without a reason`);
  // A newer daemon may have codes that this program does not know.
  throw new SidecarError(Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'UNAVAILABLE', message);
}

function toClientError(thrown: unknown, path: string): SidecarError {
  if (thrown instanceof SidecarError) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return new DaemonAbsent(path, thrown);
  if (code === 'EACCES' || code === 'EPERM')
    return new SidecarError('FORBIDDEN', `This user may not command the daemon at ${path}: run it with sudo.`, {
      cause: thrown,
    });
  const what = `The daemon at ${path} gave no proper answer (${messageOf(thrown)})`;
  return new SidecarError('UNAVAILABLE', `${what}: see "systemctl status hailo-tcn-sidecar", then try again.`, {
    cause: thrown,
  });
}

function tooLate(timeoutMs: number, cause: unknown): SidecarError {
  const what = `The daemon did not answer within ${timeoutMs / 1000} s`;
  return new SidecarError('DEADLINE_EXCEEDED', `${what}; what it was told may still be going on.`, { cause });
}
