import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { Result } from '../core/stream-events.ts';

/** Where --save writes the results, a line each. What it says of a failure is for people. */
export class SavedResults {
  readonly #path: string;
  #file: number | null = null;
  #lines = 0;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What was in the file is gone from here on. Throws USAGE. */
  open(): void {
    try {
      this.#file = openSync(this.#path, 'w');
    } catch (cause) {
      const sentence = `feed: --save: ${this.#path} cannot be written (${messageOf(cause)}).`;
      throw new SidecarError('USAGE', sentence, { cause });
    }
  }

  /** Throws where it cannot be written; the lines before it are kept, and no later one is written. */
  add(result: Result): void {
    if (this.#file === null) return;
    const line = `${JSON.stringify(result)}\n`;
    try {
      writeFileSync(this.#file, line);
    } catch (cause) {
      throw this.#giveUp(this.#file, cause);
    }
    this.#lines += 1;
    this.#bytes += Buffer.byteLength(line);
  }

  end(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeSync(file);
  }

  #giveUp(file: number, cause: unknown): SidecarError {
    try {
      ftruncateSync(file, this.#bytes); // half a line would be no NDJSON
    } catch {} // what is no file on a disk holds nothing
    this.end();
    const sentence = `feed: --save: ${this.#path} cannot be written any further (${messageOf(cause)}). It holds the first ${this.#lines} results. Make room, or save to another place.`;
    return new SidecarError('UNAVAILABLE', sentence, { cause });
  }
}
