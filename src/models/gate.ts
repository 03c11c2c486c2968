import type { LoadedModel } from '../core/backend.ts';
import { SidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { Runner, Ticket, TimedInference } from '../core/model.ts';
import { MAX_TIMER_MS } from '../core/timer.ts';
import type { GateStats } from './gate-stats.ts';
import { InFlight } from './in-flight.ts';
import { createPace } from './pace.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface Gate extends Runner {
  stats(): GateStats;
}

export interface GateParts {
  readonly model: LoadedModel;
  readonly clock: Clock;
  /** Read at each call, so that a reload applies. */
  maxQueueSize(): number;
  /** What the golden windows took; the first windows tell better. */
  readonly firstMs?: number;
}

interface Entry {
  readonly input: Float32Array;
  readonly ticket: Ticket;
  readonly enteredAt: number;
  startedAt: number;
  isSettled: boolean;
  place: number;
  readonly resolve: (inference: TimedInference) => void;
  readonly reject: (error: unknown) => void;
}

/** An estimate that is a little short costs a window that was computed for nobody. */
const CAUTION = 1.25;
const DROPS: ReadonlySet<string> = new Set(['QUEUE_FULL', 'DEADLINE_EXCEEDED', 'CLIENT_GONE']);
const BATCHED = { batch: {} };

/**
 * A bounded queue with a deadline in front of a model: what cannot be answered in time is refused at once, what became
 * worthless while waiting is dropped before it costs anything, and no caller waits past its deadline, also when the
 * backend is wedged. Whose turn is next is the waiting room's to say.
 *
 * As many windows as the model takes are inside it at a time, and those that came meanwhile go in together: a device that
 * computes several at once gets them so, and nobody ever waits for a batch to fill.
 */
export function createGate({ model, clock, maxQueueSize, firstMs }: GateParts): Gate {
  const waiting = new WaitingRoom<Entry>();
  const running = new InFlight<Entry>();
  const pace = createPace(firstMs);
  let timer: NodeJS.Timeout | null = null;
  let timerAt = Number.POSITIVE_INFINITY;
  const counts = { served: 0, refused: 0, dropped: 0 };
  const laneMs = () => pace.intervalMs / model.lanes;

  function run(input: Float32Array, ticket: Ticket): Promise<TimedInference> {
    const now = clock();
    const why = refuse(ticket, now);
    if (why !== null) return Promise.reject(why);
    return new Promise((resolve, reject) => {
      const entry = { input, ticket, enteredAt: now, startedAt: 0, isSettled: false, place: 0, resolve, reject };
      if (waiting.size === 0 && running.size < model.capacity) launch(entry, now);
      else {
        admit(entry);
        fill(now);
      }
      if (timer === null || ticket.deadlineAt < timerAt) armTimer(ticket.deadlineAt, now);
    });
  }

  function refuse(ticket: Ticket, now: number): SidecarError | null {
    model.poll?.();
    const why = judge(ticket, now);
    if (why !== null) counts.refused += 1;
    return why;
  }

  /** Why a window cannot be let in, or null. */
  function judge(ticket: Ticket, now: number): SidecarError | null {
    const competing = waiting.sizeFor(ticket);
    if (competing >= maxQueueSize() && !waiting.canMakeRoom(ticket)) {
      return late('QUEUE_FULL', `The queue is full (${competing} windows wait); retry later.`);
    }
    if (now >= ticket.deadlineAt) return late('DEADLINE_EXCEEDED', 'The deadline had passed already; retry later.');
    const ahead = running.size + waiting.aheadOf(ticket);
    // With nothing ahead a window is always tried: else one slow outlier could refuse everything for ever.
    if (ahead === 0) return null;
    const waitMs = Math.max(0, ahead - model.lanes + 1) * laneMs();
    if (now + (waitMs + pace.serviceMs) * CAUTION <= ticket.deadlineAt) return null;
    return late(
      'DEADLINE_EXCEEDED',
      `No answer is possible in time: ${ahead === 1 ? 'a window is' : `${ahead} windows are`} ahead; retry later.`,
    );
  }

  /** The place of one more in a full room is the newest of whoever has most there: no request can keep others out. */
  function admit(entry: Entry): void {
    if (waiting.sizeFor(entry.ticket) >= maxQueueSize()) {
      fail(waiting.makeRoom(), late('QUEUE_FULL', 'The queue is full, and others had less waiting; retry later.'));
    }
    waiting.push(entry);
  }

  function late(code: 'QUEUE_FULL' | 'DEADLINE_EXCEEDED', sentence: string): SidecarError {
    return new SidecarError(code, sentence, { retryAfterMs: Math.max(1, (running.size + waiting.size) * laneMs()) });
  }

  function launch(entry: Entry, now: number): void {
    entry.startedAt = now;
    running.add(entry);
    model.run(entry.input).then(
      (inference) => {
        const endedAt = clock();
        const serviceMs = learn(endedAt, entry, inference.computeMs);
        finish(entry, endedAt);
        if (endedAt > entry.ticket.deadlineAt) fail(entry, expired()); // the timer may not have had its turn yet
        if (entry.isSettled) return;
        entry.isSettled = true;
        counts.served += 1;
        const queueMs = entry.startedAt - entry.enteredAt;
        entry.resolve({ ...inference, queueMs, inferMs: endedAt - entry.startedAt, serviceMs, isInputFree: true });
      },
      (error) => {
        finish(entry, clock());
        fail(entry, error);
      },
    );
  }

  /**
   * A staged window waits inside the backend for the one before it, and its answer waits for this thread: neither is its
   * service time. A backend that cannot tell leaves it to a guess.
   */
  function learn(endedAt: number, { startedAt }: Entry, computeMs: number | undefined): number {
    const ownMs = computeMs ?? (endedAt - startedAt) / Math.max(1, running.size / model.lanes);
    pace.left(endedAt, ownMs, model.lanes, waiting.size > 0);
    return ownMs;
  }

  function finish(entry: Entry, now: number): void {
    running.remove(entry);
    fill(now);
  }

  /** Also when a window comes: the backend may take more at a time than it did. */
  function fill(now: number): void {
    while (running.size < model.capacity) {
      const next = waiting.shift();
      if (next === undefined) break;
      if (!drop(next, now, running.size === 0 ? 0 : pace.serviceMs)) launch(next, now);
    }
  }

  /** Gives up a waiting window that is worth nothing any more, or will be in `aheadMs`; true when it did. */
  function drop(entry: Entry, now: number, aheadMs = 0): boolean {
    if (entry.isSettled) return true;
    if (entry.ticket.isGone()) fail(entry, new SidecarError('CLIENT_GONE', 'The client left while its window waited.'));
    else if (now + aheadMs >= entry.ticket.deadlineAt) fail(entry, expired());
    return entry.isSettled;
  }

  function expired(): SidecarError {
    return late('DEADLINE_EXCEEDED', 'The deadline passed before the backend answered; retry later.');
  }

  function fail(entry: Entry, error: unknown): void {
    if (entry.isSettled) return;
    entry.isSettled = true;
    if (error instanceof SidecarError && DROPS.has(error.code)) counts.dropped += 1;
    entry.reject(error);
  }

  /**
   * One timer for all: it looks when the earliest deadline can have passed, so nobody waits past his. The deadlines of a
   * steady load come in order, so that it is set once per deadline, not once per window.
   */
  function armTimer(deadlineAt: number, now: number): void {
    clearTimeout(timer ?? undefined);
    timerAt = deadlineAt;
    timer = setTimeout(expire, Math.min(MAX_TIMER_MS, Math.max(1, deadlineAt - now + 1)));
    timer.unref(); // whoever waits is kept alive by its connection
  }

  /** Infinity when nobody waits any more. */
  function earliestDeadline(): number {
    let earliest = Number.POSITIVE_INFINITY;
    const look = ({ isSettled, ticket }: Entry) => {
      if (!isSettled) earliest = Math.min(earliest, ticket.deadlineAt);
    };
    running.forEach(look);
    waiting.forEach(look);
    return earliest;
  }

  function expire(): void {
    timer = null;
    const now = clock();
    running.forEach((entry) => void drop(entry, now));
    waiting.forEach((entry) => void drop(entry, now));
    waiting.prune((entry) => entry.isSettled);
    const earliest = earliestDeadline();
    if (earliest < Number.POSITIVE_INFINITY) armTimer(earliest, now);
  }

  return {
    refusal: (ticket) => refuse(ticket, clock()),
    run,
    pace: () => ({ windowsPerSecond: 1000 / laneMs(), capacity: model.capacity }),
    stats: () => ({
      waiting: waiting.size,
      inFlight: running.size,
      waitingInBatches: waiting.sizeFor(BATCHED),
      oldestMs: waiting.size === 0 ? null : clock() - waiting.oldestAt()!,
      serviceMs: pace.serviceMs,
      ...counts,
    }),
  };
}
