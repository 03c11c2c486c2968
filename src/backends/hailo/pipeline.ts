import type { Session } from './session.ts';

/** The outputs of the window with that ticket, one after the other. */
export interface Answer {
  readonly ticket: number;
  readonly payload: Buffer;
}

export interface PipelineEnd {
  answer(answers: readonly Answer[]): void;
  /** Called once; nothing is answered after it. */
  lost(thrown: unknown): void;
}

export interface PipelineOptions {
  readonly clock?: () => number;
  /** A device that takes so many at a time gets so many. */
  readonly batchSize?: number;
}

export interface Pipeline {
  /** Takes a window; its frame belongs to the pipeline. */
  push(ticket: number, frame: Buffer): void;
  /** Milliseconds so far with a window inside the device, and windows computed. */
  work(): { readonly busyMs: number; readonly windows: number };
}

/** Windows inside the device at a time: enough to keep it busy, fewer than its queue holds, so that no write waits. */
export const DEPTH = 4;
/** Windows between two moments at which the device is empty, see below. */
export const GROUP = 6;

/**
 * One writer and one reader on the two ends of the device, so that it works while a window is queued.
 *
 * The library matches answers to windows by their order alone. A device that swallowed a window without a word would answer
 * every later one with its successor's outputs. So answers are held back until the device is empty and all that were
 * written have come; if one is missing it times out, and none of its group is told. After GROUP windows the writer pauses
 * for that. After any fault nothing that comes can be trusted: the session is over.
 */
export function createPipeline(
  session: Pick<Session, 'write' | 'read'>,
  end: PipelineEnd,
  { clock = () => performance.now(), batchSize = 1 }: PipelineOptions = {},
): Pipeline {
  const depth = Math.max(DEPTH, batchSize);
  const groupSize = Math.max(GROUP, batchSize);
  const waiting: { ticket: number; frame: Buffer }[] = [];
  const written: number[] = [];
  const held: Answer[] = [];
  let busyMs = 0;
  let windows = 0;
  let isReading = false;
  let isLost = false;

  function fail(thrown: unknown): void {
    if (isLost) return;
    isLost = true;
    end.lost(thrown);
  }

  /** Fills the device up; called whenever a window comes or an answer has come. */
  function write(): void {
    while (waiting.length > 0 && !isLost && written.length < depth && written.length + held.length < groupSize) {
      const { ticket, frame } = waiting.shift()!;
      written.push(ticket);
      session.write(frame);
    }
    if (written.length > 0 && !isReading) void read().catch(fail);
  }

  async function read(): Promise<void> {
    isReading = true;
    let since = clock();
    while (written.length > 0 && !isLost) {
      const frames = await session.read();
      const ticket = written.shift();
      if (ticket === undefined || isLost) break;
      held.push({ ticket, payload: Buffer.concat(frames) });
      const now = clock();
      busyMs += now - since;
      windows += 1;
      since = now;
      const group = written.length === 0 ? held.splice(0) : [];
      write(); // first: telling takes time in which the device could work
      if (group.length > 0) end.answer(group);
    }
    isReading = false;
  }

  return {
    work: () => ({ busyMs, windows }),
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
