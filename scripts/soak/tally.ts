/** What clients of one kind met: how often they got each status, and what they should never have got. */
export interface KindCounts {
  readonly kind: string;
  readonly counts: ReadonlyMap<string, number>;
}

const MOST_KEPT = 20;

/** The books of a run: every outcome by kind of client, every answer that is not the one to its question. */
export class Tally {
  readonly #kinds = new Map<string, Map<string, number>>();
  readonly #allowed = new Map<string, ReadonlySet<string>>();
  readonly #complaints: string[] = [];
  wrong = 0;
  unexpected = 0;
  /** Questions of steady clients, and how many of them were answered. */
  asked = 0;
  answered = 0;

  /** Clients of this kind may meet these outcomes: statuses, "closed", "silent". */
  expect(kind: string, allowed: readonly string[]): void {
    this.#allowed.set(kind, new Set(allowed));
    this.#kinds.set(kind, new Map());
  }

  count(kind: string, outcome: string): void {
    const counts = this.#kinds.get(kind)!;
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (this.#allowed.get(kind)!.has(outcome)) return;
    this.unexpected += 1;
    this.#complain(`${kind}: ${outcome}`);
  }

  /** An answer that belongs to another question, or to none. */
  countWrong(kind: string, what: string): void {
    this.wrong += 1;
    this.#complain(`${kind}: wrong answer: ${what.slice(0, 200)}`);
  }

  get kinds(): KindCounts[] {
    return [...this.#kinds].map(([kind, counts]) => ({ kind, counts }));
  }

  /** The first ones. */
  get complaints(): readonly string[] {
    return this.#complaints;
  }

  #complain(what: string): void {
    if (this.#complaints.length < MOST_KEPT) this.#complaints.push(`${new Date().toISOString()} ${what}`);
  }
}
