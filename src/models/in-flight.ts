interface Placed {
  /** Where it stands; the collection's own. */
  place: number;
}

/**
 * What is inside the backend, in no order. Not a Set: one that is added to and deleted from for every window leaves its
 * outgrown tables behind, each of which keeps the next alive, and the collector copies them all.
 */
export class InFlight<T extends Placed> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    item.place = this.#items.length;
    this.#items.push(item);
  }

  /** Only what was added and is not removed yet. */
  remove(item: T): void {
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#items[item.place] = last;
    last.place = item.place;
  }

  forEach(visit: (item: T) => void): void {
    for (const item of this.#items) visit(item);
  }
}
