import type { Bell } from './feed-bell.ts';

/** How patient a feed is with a daemon that does not answer. */
export interface Patience {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Tries in a row that bring nothing. */
  readonly tries: number;
  /** How long a daemon may take to answer, and then to be ready. */
  readonly answerMs: number;
}

export const PATIENCE: Patience = { firstMs: 250, longestMs: 10_000, tries: 12, answerMs: 5000 };

/** Doubled with each failure, half of it by chance, so that many feeds do not come at once. */
export function backoffMs(failures: number, { firstMs, longestMs }: Patience, chance: number): number {
  const most = Math.min(longestMs, firstMs * 2 ** Math.max(0, failures - 1));
  return most / 2 + (most / 2) * chance;
}

export interface TriesDeps {
  readonly patience: Patience;
  readonly bell: Bell;
  readonly signal: AbortSignal;
  random(): number;
}

/** Counts the tries in a row that brought nothing, and waits between them. */
export class Tries {
  readonly #deps: TriesDeps;
  #failures = 0;

  constructor(deps: TriesDeps) {
    this.#deps = deps;
  }

  get failures(): number {
    return this.#failures;
  }

  get isSpent(): boolean {
    return this.#failures >= this.#deps.patience.tries;
  }

  fail(): void {
    this.#failures += 1;
  }

  /** Something came of it. */
  succeed(): void {
    this.#failures = 0;
  }

  /** Longer where the daemon asks for it. */
  async pause(leastMs: number): Promise<void> {
    const { patience, bell, signal, random } = this.#deps;
    await bell.sleep(Math.max(leastMs, backoffMs(this.#failures, patience, random())), signal);
  }
}
