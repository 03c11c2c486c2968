import { SidecarError } from '../core/errors.ts';

/** Bytes of half-arrived bodies, over all connections: many slow senders must not fill the memory together. */
export interface BodyBudget {
  usedBytes: number;
  readonly limitBytes: number;
}

const FIRST_BYTES = 16 << 10;

/** Puts a body together that arrives in pieces. Grows with what has really arrived, never with what was announced. */
export class BodyBuffer {
  readonly #maxBytes: number;
  readonly #budget: BodyBudget;
  #bytes = new Uint8Array(0);
  #used = 0;

  constructor(maxBytes: number, budget: BodyBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  get length(): number {
    return this.#used;
  }

  /** Copies a piece. Throws BODY_TOO_LARGE over the limit of one body, QUEUE_FULL over the budget of all. */
  append(piece: Uint8Array): void {
    const needed = this.#used + piece.length;
    if (needed > this.#maxBytes) throw bodyTooLarge(this.#maxBytes);
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#bytes.set(piece, this.#used);
    this.#used = needed;
  }

  #grow(needed: number): void {
    const size = Math.min(this.#maxBytes, Math.max(needed * 2, FIRST_BYTES));
    const added = size - this.#bytes.length;
    if (this.#budget.usedBytes + added > this.#budget.limitBytes) throw tooManyBodies();
    this.#budget.usedBytes += added;
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** Gives the memory back. Idempotent. */
  release(): void {
    this.#budget.usedBytes -= this.#bytes.length;
    this.#bytes = new Uint8Array(0);
    this.#used = 0;
  }
}

export function bodyTooLarge(maxBytes: number): SidecarError {
  return new SidecarError('BODY_TOO_LARGE', `The body is larger than ${maxBytes} bytes (server.max_body_bytes).`);
}

function tooManyBodies(): SidecarError {
  return new SidecarError('QUEUE_FULL', 'Too many large bodies are arriving at once; send it again in a moment.');
}
