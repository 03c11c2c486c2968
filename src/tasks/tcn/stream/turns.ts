/** Something that has windows to be computed. */
export interface Turner {
  readonly hasDue: boolean;
  /** Set while it waits or computes; nobody else's to write. */
  isInTurns: boolean;
  /** Computes one window. Never rejects. */
  runNext(): Promise<void>;
}

/** Streams take turns, a window a turn: whoever sends more waits longer, and nobody else does. */
export interface Turns {
  /** It has something to be computed; while it waits or computes, saying so again does nothing. */
  due(one: Turner): void;
  /** How many wait. */
  readonly waiting: number;
  /** How long the one whose turn came last has waited for it, milliseconds; 0 while nobody computes. */
  readonly waitedMs: number;
}

export interface TurnsParts {
  clock(): number;
  /** How many windows may be on their way to the model and in it: the rest of its queue is for others. */
  room(): number;
}

interface Place {
  readonly one: Turner;
  readonly since: number;
}

export function createTurns({ clock, room }: TurnsParts): Turns {
  let queue: Place[] = [];
  let head = 0;
  let running = 0;
  let waitedMs = 0;

  function due(one: Turner): void {
    if (one.isInTurns) return;
    one.isInTurns = true;
    queue.push({ one, since: clock() });
    fill();
  }

  function fill(): void {
    while (head < queue.length && running < room()) {
      const { one, since } = queue[head++]!;
      waitedMs = clock() - since;
      running += 1;
      void one.runNext().then(() => left(one));
    }
    if (head > 64 && head * 2 > queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
  }

  function left(one: Turner): void {
    running -= 1;
    one.isInTurns = false;
    if (one.hasDue) due(one);
    else fill();
  }

  return {
    due,
    get waiting() {
      return queue.length - head;
    },
    get waitedMs() {
      return running === 0 ? 0 : waitedMs; // what was long ago says nothing of now
    },
  };
}
