import { messageOf, SidecarError } from './core/errors.ts';

/** What a start has opened, closed again in reverse order. */
export interface Undo {
  add(name: string, close: () => unknown): void;
  /** Runs every step once, also after a failed one. Throws STOP_FAILED naming those that failed. */
  run(): Promise<void>;
}

const STEP_TIMEOUT_MS = 5000;

export function createUndo(stepTimeoutMs = STEP_TIMEOUT_MS): Undo {
  const steps: { name: string; close: () => unknown }[] = [];
  return {
    add: (name, close) => void steps.push({ name, close }),
    run: async () => {
      const failed: string[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        await bounded(step.close, stepTimeoutMs).catch((thrown) => failed.push(`${step!.name}: ${messageOf(thrown)}`));
      }
      if (failed.length > 0) throw new SidecarError('STOP_FAILED', `These did not close: ${failed.join('; ')}.`);
    },
  };
}

/** A wedged backend must not keep a stop from ending. */
async function bounded(close: () => unknown, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not closed after ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([(async () => close())(), expired]);
  } finally {
    clearTimeout(timer);
  }
}
