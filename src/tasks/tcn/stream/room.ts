import { SidecarError } from '../../../core/errors.ts';
import type { TaskDeps } from '../../../core/task.ts';
import type { Load } from './load.ts';
import type { Shelf } from './shelf.ts';
import type { Stream } from './stream.ts';

export interface RoomParts {
  readonly deps: TaskDeps;
  readonly shelf: Shelf;
  readonly load: Load;
  /** Its place is another one's. */
  evict(stream: Stream): void;
}

const RETRY_MS = 5000;

/** Whether there is room for another stream, and making some: one whose connection broke gives way to one that has one. */
export class Room {
  readonly #parts: RoomParts;
  /** By error code. */
  readonly refused: Record<string, number> = {};

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  /** Before it is known what will be declared. @throws SidecarError STREAMS_FULL */
  checkAny(): void {
    this.#throwIf(this.#parts.load.overload() ?? this.#tooMany());
  }

  /** For a new stream. @throws SidecarError STREAMS_FULL */
  take(windowsPerSecond: number): void {
    const { shelf, load, deps, evict } = this.#parts;
    this.#throwIf(load.refusal(windowsPerSecond, shelf.declaredConnected) ?? this.#tooMany());
    const isCramped = () =>
      shelf.size >= deps.streams.policy().most || load.refusal(windowsPerSecond, shelf.declared) !== null;
    for (let away = shelf.oldestDetached(); away !== null && isCramped(); away = shelf.oldestDetached()) evict(away);
  }

  #tooMany(): SidecarError | null {
    const { most } = this.#parts.deps.streams.policy();
    const { shelf } = this.#parts;
    if (shelf.size < most || (most > 0 && shelf.oldestDetached() !== null)) return null;
    const why =
      most === 0 ? 'This daemon takes no streams (streams.max)' : `All ${most} streams are taken (streams.max)`;
    return new SidecarError('STREAMS_FULL', `${why}; come again later.`, { retryAfterMs: RETRY_MS });
  }

  #throwIf(refusal: SidecarError | null): void {
    if (refusal === null) return;
    this.refused[refusal.code] = (this.refused[refusal.code] ?? 0) + 1;
    throw refusal;
  }
}
