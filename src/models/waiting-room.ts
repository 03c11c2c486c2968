import type { Ticket } from '../core/model.ts';
import { Ring } from './ring.ts';

interface Waiting {
  readonly ticket: Pick<Ticket, 'batch'>;
  readonly enteredAt: number;
}

/** So many single windows in a row, and a window of a batch has its turn: the rest of the time is enough for no one else. */
const MOST_IN_A_ROW = 4;

/**
 * Who waits, and whose turn is next. Single windows go first, in the order they came. Windows of batches and streams go while
 * no single one waits, and after every four; a window of each request or stream in turn: the library lets a connection have
 * one request at a time, so that turns between requests are turns between connections.
 */
export class WaitingRoom<T extends Waiting> {
  readonly #singles = new Ring<T>();
  /** In the order of their turns. */
  readonly #batches = new Map<object, Ring<T>>();
  #inBatches = 0;
  /** Single windows that went before those of batches that wait, since the last one of those. */
  #inARow = 0;

  get size(): number {
    return this.#singles.size + this.#inBatches;
  }

  /** Those that compete for the places of such a ticket: single windows, or all windows of batches. */
  sizeFor({ batch }: Pick<Ticket, 'batch'>): number {
    return batch === undefined ? this.#singles.size : this.#inBatches;
  }

  push(entry: T): void {
    const { batch } = entry.ticket;
    if (batch === undefined) return this.#singles.push(entry);
    const own = this.#batches.get(batch) ?? new Ring<T>();
    if (own.size === 0) this.#batches.set(batch, own);
    own.push(entry);
    if (this.#inBatches === 0) this.#inARow = 0; // nobody has been kept waiting yet
    this.#inBatches += 1;
  }

  shift(): T | undefined {
    const isTheirTurn = this.#inBatches > 0 && (this.#singles.size === 0 || this.#inARow >= MOST_IN_A_ROW);
    if (!isTheirTurn) {
      this.#inARow += 1;
      return this.#singles.shift(); // asked for each window: no iterator for nothing
    }
    this.#inARow = 0;
    const [batch, own] = this.#batches.entries().next().value ?? [];
    if (batch === undefined || own === undefined) return undefined;
    this.#batches.delete(batch);
    const entry = own.shift();
    if (own.size > 0) this.#batches.set(batch, own); // behind all others
    this.#inBatches -= 1;
    return entry;
  }

  /** Whether a full room has a place for such a window at the cost of a request that has more waiting. */
  canMakeRoom({ batch }: Pick<Ticket, 'batch'>): boolean {
    if (batch === undefined) return false;
    return (this.#longest()?.size ?? 0) > (this.#batches.get(batch)?.size ?? 0) + 1;
  }

  /** Takes the newest window of the request that has the most waiting; only while windows of batches wait. */
  makeRoom(): T {
    this.#inBatches -= 1;
    return this.#longest()!.pop()!;
  }

  #longest(): Ring<T> | null {
    let longest: Ring<T> | null = null;
    for (const own of this.#batches.values()) if (own.size > (longest?.size ?? 0)) longest = own;
    return longest;
  }

  /** How many would start before a window that came now. */
  aheadOf({ batch }: Pick<Ticket, 'batch'>): number {
    const singles = this.#singles.size;
    if (batch === undefined)
      return singles + Math.min(this.#inBatches, Math.floor((singles + this.#inARow) / MOST_IN_A_ROW));
    let ahead = singles;
    const own = this.#batches.get(batch)?.size ?? 0;
    for (const other of this.#batches.values()) ahead += Math.min(other.size, own + 1);
    return Math.min(ahead, this.size);
  }

  forEach(visit: (entry: T) => void): void {
    this.#singles.forEach(visit);
    for (const own of this.#batches.values()) own.forEach(visit);
  }

  /** When the one that has waited longest came in; null when nobody waits. */
  oldestAt(): number | null {
    let oldest = this.#singles.peek()?.enteredAt ?? Number.POSITIVE_INFINITY;
    for (const own of this.#batches.values()) oldest = Math.min(oldest, own.peek()!.enteredAt);
    return oldest === Number.POSITIVE_INFINITY ? null : oldest;
  }

  /** Removes every entry that `isDone` accepts, keeping the order of the others. */
  prune(isDone: (entry: T) => boolean): void {
    this.#singles.prune(isDone);
    for (const [batch, own] of this.#batches) {
      this.#inBatches -= own.size;
      own.prune(isDone);
      this.#inBatches += own.size;
      if (own.size === 0) this.#batches.delete(batch);
    }
  }
}
