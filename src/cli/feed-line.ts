import type { ClientListener, ClientSocket } from '../system/websocket.ts';
import type { Bell } from './feed-bell.ts';
import { type DialDeps, type Dialled, dial } from './feed-dial.ts';

export interface LineDeps extends DialDeps {
  readonly bell: Bell;
}

/** For the close frame of a stream that is not at its end. */
const LAST_WORD_MS = 200;

/** One connection after the other: what an earlier one still brings is not heard. */
export class FeedLine {
  readonly #deps: LineDeps;
  readonly #onText: (message: string) => void;
  #listening: ClientListener | null = null;
  #socket: ClientSocket | null = null;
  #lost: { code: number; reason: string } | null = null;

  constructor(deps: LineDeps, onText: (message: string) => void) {
    this.#deps = deps;
    this.#onText = onText;
  }

  get socket(): ClientSocket | null {
    return this.#socket;
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  async dial(isFirst: boolean): Promise<Dialled> {
    this.#lost = null;
    const listener: ClientListener = {
      onText: (message) => {
        if (this.#listening === listener) this.#onText(message);
      },
      onClosed: (code, reason) => {
        if (this.#listening === listener) this.#lose(code, reason);
      },
    };
    this.#listening = listener;
    const dialled = await dial(this.#deps, isFirst, listener);
    if ('socket' in dialled) this.#socket = dialled.socket;
    return dialled;
  }

  /** For a peer that does not do what it should. */
  cut(reason: string): void {
    this.#lose(1006, reason);
    this.#socket?.cut();
  }

  /** Why it was lost, once. */
  takeLoss(): { code: number; reason: string } {
    const lost = this.#lost ?? { code: 1006, reason: '' };
    this.#lost = null;
    this.#socket = null;
    return lost;
  }

  close(isAtEnd: boolean): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.close(1000);
    if (!isAtEnd) setTimeout(() => socket.cut(), LAST_WORD_MS); // who hangs closes nothing
  }

  #lose(code: number, reason: string): void {
    this.#listening = null;
    this.#lost = { code, reason };
    this.#deps.bell.ring();
  }
}
