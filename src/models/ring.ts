/** A first-in first-out queue with O(1) operations; its memory follows its size. */
export class Ring<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined; // or a done window would live as long as the queue is never empty
    this.#head += 1;
    if (this.#head * 2 >= this.#items.length) this.#compact();
    return item;
  }

  /** The newest. */
  pop(): T | undefined {
    return this.size === 0 ? undefined : this.#items.pop();
  }

  forEach(visit: (item: T) => void): void {
    for (let i = this.#head; i < this.#items.length; i++) visit(this.#items[i] as T);
  }

  /** Removes every item that `isDone` accepts, keeping the order of the others. */
  prune(isDone: (item: T) => boolean): void {
    this.#items = this.#items.slice(this.#head).filter((item) => !isDone(item as T));
    this.#head = 0;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
