import type { Session } from './session.ts';

export interface PipelineEnd {
  /** The outputs of the window with that ticket, one after the other. */
  answer(ticket: number, payload: Buffer): void;
  /** Called once; nothing is answered after it. */
  lost(thrown: unknown): void;
}

export interface Pipeline {
  /** Takes a window; its frame belongs to the pipeline. */
  push(ticket: number, frame: Buffer): void;
  /** Milliseconds so far with a window inside the device. */
  busyMs(): number;
}

/** Windows inside the device at a time: enough to keep it busy, fewer than its queue holds, so that no write waits. */
const DEPTH = 4;
/** Once in so many milliseconds the device is let run empty, see below. */
const SYNC_MS = 100;

/**
 * One writer and one reader on the two ends of the device, so that it always has work while any is queued.
 *
 * The library matches answers to windows by their order alone. So after the first fault nothing that comes can be trusted
 * and the session is over; and a device that swallowed a window without a word would answer every later one with its
 * successor's outputs, unseen as long as windows keep coming. That is why the writer pauses now and then until all answers
 * are in: the missing one then times out.
 */
export function createPipeline(
  session: Pick<Session, 'write' | 'read'>,
  end: PipelineEnd,
  clock: () => number = () => performance.now(),
): Pipeline {
  const waiting: { ticket: number; frame: Buffer }[] = [];
  const written: number[] = [];
  let emptyAt = clock();
  let busyMs = 0;
  let isReading = false;
  let isLost = false;

  function fail(thrown: unknown): void {
    if (isLost) return;
    isLost = true;
    end.lost(thrown);
  }

  /** Fills the device up; called whenever a window comes or an answer has gone. */
  function write(): void {
    while (waiting.length > 0 && !isLost && mayWrite()) {
      const { ticket, frame } = waiting.shift()!;
      written.push(ticket);
      session.write(frame);
    }
    if (written.length > 0 && !isReading) void read().catch(fail);
  }

  function mayWrite(): boolean {
    if (written.length === 0) emptyAt = clock();
    return written.length < DEPTH && clock() - emptyAt <= SYNC_MS;
  }

  async function read(): Promise<void> {
    isReading = true;
    const startAt = clock();
    while (written.length > 0 && !isLost) {
      const frames = await session.read();
      const ticket = written.shift();
      if (ticket !== undefined && !isLost) end.answer(ticket, Buffer.concat(frames));
      write();
    }
    isReading = false;
    busyMs += clock() - startAt;
  }

  return {
    busyMs: () => busyMs,
    push: (ticket, frame) => {
      waiting.push({ ticket, frame });
      try {
        write();
      } catch (thrown) {
        fail(thrown);
      }
    },
  };
}
