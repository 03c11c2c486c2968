import type { IncomingMessage } from 'node:http';
import { SidecarError } from '../core/errors.ts';

/** The largest body of a command: they name models, they do not carry them. */
export const BODY_LIMIT_BYTES = 64 * 1024;

/**
 * The JSON of a request; undefined when its body is empty.
 * Throws BODY_TOO_LARGE, INVALID_UTF8, BAD_REQUEST (no JSON), CLIENT_GONE.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = decode(await readBody(request));
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SidecarError('BAD_REQUEST', 'The body is not JSON.', { cause });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT_BYTES) reject(tooLarge());
    else chunks.push(chunk);
  });
  request.once('end', () => resolve(Buffer.concat(chunks)));
  request.once('close', () => reject(new SidecarError('CLIENT_GONE', 'The connection ended before the body did.')));
  return promise;
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new SidecarError('INVALID_UTF8', 'The body is not UTF-8.', { cause });
  }
}

function tooLarge(): SidecarError {
  return new SidecarError('BODY_TOO_LARGE', `The body has more than ${BODY_LIMIT_BYTES} bytes.`);
}
