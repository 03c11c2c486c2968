import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Clock, Log } from '../../core/log.ts';
import { MESSAGE_IDS } from '../../core/message-ids.ts';
import type { Store } from '../store/store.ts';
import type { ModelRef, StoreState } from '../store/store-state.ts';
import { activated, confirmed, fallbackOf, paused, reverted, rolledBack, started } from '../store/store-transitions.ts';
import { audition } from './audition.ts';
import { createChanges } from './changes.ts';
import { note, openPredecessor, settle } from './comeback.ts';
import { createProbation, type ProbationOutcome, type RunningProbation } from './probation.ts';
import type { GateResult } from './rehearsal.ts';
import type { Resident } from './resident.ts';
import { retire } from './retire.ts';
import type { RolloutLimits } from './rollout-limits.ts';
import type { Seats } from './seats.ts';
import type { Trial } from './trial.ts';

export interface SuccessionParts {
  readonly seats: Seats;
  readonly store: Store;
  readonly trial: Trial;
  /** Verifies, loads, warms up and proves a model; throws the reason. */
  open(ref: ModelRef): Promise<Resident>;
  /** False where the device holds one model and nothing else computes: then a swap leaves a gap. */
  readonly canHoldTwo: boolean;
  limits(): RolloutLimits;
  /** Of this boot of the machine. */
  readonly boot: string;
  readonly clock: Clock;
  readonly log: Log;
  /** For people, in a refusal. */
  now(): string;
  /** Somebody else serves, or on other terms. */
  onChange(): void;
  /** Whether commands may change who serves at all. Throws CONFLICT. */
  requireFree(): Promise<void>;
}

/** How a command ended. `gates` says what was looked at, and by how much it passed or failed. */
export interface Outcome {
  readonly state: StoreState;
  readonly gates: readonly GateResult[];
}

/** One model succeeds another, is watched, and is taken back when it fails. One change at a time. */
export interface Succession {
  /** Rejects with MODEL_REFUSED (its gates are in `cause`), CONFLICT, MODEL_MISSING …; the old model serves on then. */
  activate(ref: ModelRef, options: { readonly allowGap: boolean }): Promise<Outcome>;
  /** Ends the probation well, before its time. */
  confirm(): Promise<Outcome>;
  /** The model before serves again, whatever the active one is like. */
  rollback(): Promise<Outcome>;
  /** The daemon serves: a model that is not confirmed goes (back) on probation. */
  resume(state: StoreState): Promise<void>;
  /** The golden windows of the active model fail. */
  goldenFailed(why: string): void;
  /** Runs a command's change alone. Rejects with CONFLICT while another is under way, or when commands change nothing. */
  command<T>(what: string, run: () => Promise<T>): Promise<T>;
  /** Runs a change of the store or the seats alone, when it is its turn. */
  later<T>(what: string, run: () => Promise<T>): Promise<T>;
  /** Remaining milliseconds; null while nobody is on probation. */
  probationMs(): number | null;
  /** The daemon stops in order: its successor may go on. */
  close(): Promise<void>;
}

export function createSuccession(parts: SuccessionParts): Succession {
  const { seats, store, log } = parts;
  const changes = createChanges();
  let probation: RunningProbation | null = null;

  async function activate(ref: ModelRef, { allowGap }: { readonly allowGap: boolean }): Promise<Outcome> {
    const old = seats.active;
    if (old.ref === ref) return { state: await store.read(), gates: [] };
    requireNoProbation();
    const next = await audition({ ...parts, ref, allowGap });
    try {
      const state = await store.change((now) => started(activated(now, ref, parts.boot), parts.boot));
      succeed(old, next.resident);
      next.resident.watch(next.latents);
      log.info({ message_id: MESSAGE_IDS.modelActivated }, `${next.resident.id} serves now, in the place of ${old.id}`);
      await beginProbation(old);
      parts.onChange();
      return { state: probation === null ? await store.read() : state, gates: next.gates };
    } catch (thrown) {
      if (seats.active !== next.resident) await next.withdraw(); // the store could not say so: then it is not so
      throw thrown;
    }
  }

  function requireNoProbation(): void {
    if (probation === null) return;
    const leftS = Math.ceil(probation.remainingMs() / 1000);
    throw new SidecarError(
      'CONFLICT',
      `${seats.active.id} is on probation for another ${leftS} s: confirm it ("model confirm"), roll it back, or wait.`,
    );
  }

  /** Between two windows: calls that have chosen keep their model, later ones get the new one. */
  function succeed(old: Resident, next: Resident): void {
    if (seats.candidate?.resident === next) parts.trial.end();
    take(next, old);
  }

  function take(next: Resident, standby: Resident | null): void {
    seats.active.listener = null;
    seats.active = next;
    seats.standby = standby;
    parts.trial.restart();
    parts.onChange();
  }

  async function beginProbation(predecessor: Resident | null): Promise<void> {
    const limits = parts.limits();
    if (limits.probationMs === 0) return void (await confirmNow('at once, as rollout.probation_s says'));
    const resident = seats.active;
    resident.isWatched = true;
    resident.failsElsewhere = predecessor && ((input) => predecessor.failsOn(resident.toInputOf(predecessor)(input)));
    const run: RunningProbation = createProbation({
      limits,
      clock: parts.clock,
      figures: () => resident.vitals.figures(),
      before: predecessor?.vitals.figures() ?? null,
      runGolden: async () => resident.model?.prove(),
      onEnd: (end) =>
        void changes
          .next('end the probation', () => conclude(run, end))
          .catch((thrown) => log.error({ err: thrown }, 'the probation could not be ended')),
    });
    probation = run;
  }

  /** While it waited for its turn, a command may have ended it otherwise. */
  async function conclude(run: RunningProbation, end: ProbationOutcome): Promise<void> {
    if (probation !== run) return;
    if (end.kind === 'confirmed') return void (await confirmNow(end.text));
    log.error({ message_id: MESSAGE_IDS.modelReverted }, `${seats.active.id} failed its probation: ${end.why}`);
    await stepBack(end.why, reverted);
  }

  async function confirmNow(how: string): Promise<Outcome> {
    const state = await store.change((now) => confirmed(now));
    endProbation();
    log.info({ message_id: MESSAGE_IDS.modelConfirmed }, `${seats.active.id} is confirmed: ${how}`);
    const { standby } = seats;
    seats.standby = null;
    parts.onChange();
    if (standby !== null) void retire(standby, parts);
    return { state, gates: [] };
  }

  function endProbation(): void {
    probation?.stop();
    probation = null;
    seats.active.isWatched = false;
    seats.active.failsElsewhere = null;
  }

  /** Serving comes first: the books are kept, and the device is moved, when the old model answers again. */
  async function stepBack(why: string, transition: typeof reverted): Promise<Outcome> {
    const failed = seats.active;
    const previous = fallbackOf(await store.read());
    if (previous === null) {
      throw new SidecarError(
        'CONFLICT',
        `There is nothing to roll back to: ${failed.id} has no predecessor. Activate another one.`,
      );
    }
    const back = seats.standby?.ref === previous ? seats.standby : await openPredecessor(previous, parts);
    if (!parts.canHoldTwo) await back.model?.model.takeDevice?.();
    endProbation();
    const unused = seats.standby === back ? null : seats.standby;
    take(back, null);
    if (unused !== null) void retire(unused, parts);
    log.warn(
      { message_id: MESSAGE_IDS.modelReverted },
      `${back.id} serves again, in the place of ${failed.id}: ${why}`,
    );
    void settle(back, failed, parts);
    return { state: await note({ why, transition, back, failed }, parts), gates: [] };
  }

  const command = <T>(what: string, run: () => Promise<T>) =>
    changes.now(what, async () => {
      await parts.requireFree();
      return run();
    });

  return {
    later: changes.next,
    command,
    activate: (ref, options) => command(`activate ${ref}`, () => activate(ref, options)),
    confirm: () => command('confirm', () => confirmNow('by the operator')),
    rollback: () => command('roll back', () => stepBack('rolled back by the operator', rolledBack)),
    resume: async ({ probation: pending }) => {
      if (pending === null) return;
      // A full disk keeps no model from serving; should this daemon die, the next one goes on with the probation.
      await store
        .change((now) => started(now, parts.boot))
        .catch((thrown) => log.error({}, `the store cannot keep that ${pending.ref} serves: ${messageOf(thrown)}`));
      await beginProbation(null);
    },
    goldenFailed: (why) => probation?.goldenFailed(why),
    probationMs: () => probation?.remainingMs() ?? null,
    close: async () => {
      if (probation === null) return;
      probation.stop();
      await store.change((now) => paused(now));
    },
  };
}
