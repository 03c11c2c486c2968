/** What is lost while nobody answers. */
export class Outage {
  /** Of samples thrown away when it began; null while there is none. */
  #lostBefore: number | null = null;
  #lost = 0;

  /** In all of them. */
  get lost(): number {
    return this.#lost;
  }

  /** May be told again while it lasts. */
  begin(lost: number): void {
    this.#lostBefore ??= lost;
  }

  /** So many samples were lost in it; 0 where there was none. */
  end(lost: number): number {
    const during = this.#lostBefore === null ? 0 : lost - this.#lostBefore;
    this.#lostBefore = null;
    this.#lost += during;
    return during;
  }
}
