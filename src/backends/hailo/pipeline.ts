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
}

/** Once in so many milliseconds the device is let run empty, see below. */
const SYNC_MS = 1000;

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
  let onEmpty: (() => void) | null = null;
  let isWriting = false;
  let isReading = false;
  let isLost = false;

  function fail(thrown: unknown): void {
    if (isLost) return;
    isLost = true;
    end.lost(thrown);
  }

  /** The ticket counts as written before the write: its answer may be there before the write's own end is heard. */
  async function write(): Promise<void> {
    isWriting = true;
    for (let next = waiting.shift(); next !== undefined && !isLost; next = waiting.shift()) {
      if (clock() - emptyAt > SYNC_MS) await untilEmpty();
      written.push(next.ticket);
      if (!isReading) void read().catch(fail);
      await session.write(next.frame);
    }
    isWriting = false;
  }

  async function untilEmpty(): Promise<void> {
    if (written.length > 0) {
      await new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
    }
    emptyAt = clock();
  }

  async function read(): Promise<void> {
    isReading = true;
    while (written.length > 0 && !isLost) {
      const frames = await session.read();
      const ticket = written.shift();
      if (ticket !== undefined && !isLost) end.answer(ticket, Buffer.concat(frames));
    }
    isReading = false;
    emptyAt = clock();
    onEmpty?.();
    onEmpty = null;
  }

  return {
    push: (ticket, frame) => {
      waiting.push({ ticket, frame });
      if (!isWriting && !isLost) void write().catch(fail);
    },
  };
}
