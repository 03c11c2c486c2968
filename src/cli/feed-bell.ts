import { setTimeout as delay } from 'node:timers/promises';

/** Wakes whoever waits for something to have changed; they look for themselves what it was. */
export class Bell {
  #next = Promise.withResolvers<void>();

  ring(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }

  wait(): Promise<void> {
    return this.#next.promise;
  }

  /** Ends early, and not by an error, when the signal says so. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal }).catch(() => {});
  }
}
