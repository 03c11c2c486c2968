import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SidecarError } from '../core/errors.ts';

/** Short against what people call real time, long against what a look costs. */
const POLL_MS = 5;
const CHUNK_BYTES = 65_536;

/**
 * What comes out of a pipe, a terminal line or a device, as it comes. A reading thread that waits for such a file could
 * not be told to stop, and the process could not end: so it is opened to answer at once, and asked again and again.
 * Ends when the other side closes, or the signal says so.
 */
export async function* pollFile(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = open(path);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let hasCome = false;
  try {
    while (!signal.aborted) {
      const bytes = readSome(file, chunk);
      if (bytes === 0 && hasCome) return;
      if (bytes > 0) yield Uint8Array.prototype.slice.call(chunk, 0, bytes);
      else await delay(POLL_MS);
      hasCome ||= bytes > 0;
    }
  } finally {
    closeSync(file);
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw new SidecarError(
      'NOT_FOUND',
      `${path} cannot be opened (${messageOf(cause)}): look whose it is, or use sudo.`,
      {
        cause,
      },
    );
  }
}

/** -1 for nothing yet; 0 at the end, or where nobody writes yet. */
function readSome(file: number, chunk: Uint8Array): number {
  try {
    return readSync(file, chunk);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return -1;
    if (code === 'EIO') return 0; // the other end of a terminal line has gone
    throw thrown;
  }
}
