import type { Sample } from './feed-recording.ts';

/** Samples that were not sent yet, and those that the daemon may still want to be told again. */
export class SampleBuffer {
  readonly #capacity: number;
  #samples: Sample[] = [];
  /** Where in #samples what was not sent begins. */
  #unsent = 0;
  /** Where in #samples what the daemon still needs begins: before it is only history. */
  #needed = 0;
  #lost = 0;
  #sent = 0;
  #highest = -1;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get isFull(): boolean {
    return this.#samples.length >= this.#capacity;
  }

  /** Not sent yet. */
  get unsent(): number {
    return this.#samples.length - this.#unsent;
  }

  /** Sent, and as far as is known still needed. */
  get outstanding(): number {
    return Math.max(0, this.#unsent - this.#needed);
  }

  /** Samples that were sent, each counted once. */
  get sent(): number {
    return this.#sent;
  }

  /** Samples that had to be thrown away before they were sent. */
  get lost(): number {
    return this.#lost;
  }

  /** When it is full the oldest one goes. */
  push(sample: Sample): void {
    if (this.isFull) this.#forget(1);
    this.#samples.push(sample);
  }

  /** Up to `most` samples whose numbers follow each other and whose times go on; they count as sent. */
  take(most: number, jumpMs: number): readonly Sample[] {
    const begin = this.#unsent;
    const end = Math.min(this.#samples.length, begin + most);
    let next = begin + 1;
    while (next < end && follows(this.#samples[next - 1], this.#samples[next], jumpMs)) next += 1;
    this.#unsent = Math.min(next, end);
    const taken = this.#samples.slice(begin, this.#unsent);
    this.#sent += taken.filter(({ seq }) => seq > this.#highest).length;
    this.#highest = Math.max(this.#highest, taken.at(-1)?.seq ?? -1);
    return taken;
  }

  /** Before `seq` the daemon needs nothing; what was sent from `timeMs` on stays, for a stream that has to begin anew. */
  release(seq: number, timeMs: number): void {
    while (this.#needed < this.#unsent && (this.#samples[this.#needed]?.seq ?? seq) < seq) this.#needed += 1;
    let count = 0;
    while (count < this.#needed && (this.#samples[count]?.timeMs ?? timeMs) < timeMs) count += 1;
    this.#forget(count);
  }

  /** Sends again from this number on; from the oldest kept sample where it is null. */
  rewind(seq: number | null): void {
    const index = seq === null ? 0 : this.#samples.findIndex((sample) => sample.seq >= seq);
    this.#unsent = index < 0 ? this.#samples.length : index;
    this.#needed = this.#unsent;
  }

  #forget(count: number): void {
    this.#lost += Math.max(0, count - this.#unsent);
    this.#samples.splice(0, count);
    this.#unsent = Math.max(0, this.#unsent - count);
    this.#needed = Math.max(0, this.#needed - count);
  }
}

function follows(before: Sample | undefined, sample: Sample | undefined, jumpMs: number): boolean {
  if (before === undefined || sample === undefined) return false;
  const step = sample.timeMs - before.timeMs;
  return sample.seq === before.seq + 1 && step >= 0 && step <= jumpMs;
}
