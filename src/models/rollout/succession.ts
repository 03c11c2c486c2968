import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Clock, Log } from '../../core/log.ts';
import { MESSAGE_IDS } from '../../core/message-ids.ts';
import { inTime } from '../../core/timer.ts';
import type { Store } from '../store/store.ts';
import type { ModelRef, StoreState } from '../store/store-state.ts';
import { fallbackOf, paused, reverted, rolledBack } from '../store/store-transitions.ts';
import { admit } from './admission.ts';
import { createChanges } from './changes.ts';
import { bringBack, confirmedBy, requireOnProbation, requireStored, requireWayBack, settle } from './comeback.ts';
import { createDebts, RETRY_MS } from './debts.ts';
import type { ProbationOutcome } from './probation.ts';
import type { GateResult } from './rehearsal.ts';
import type { Resident } from './resident.ts';
import { retire } from './retire.ts';
import type { RolloutLimits } from './rollout-limits.ts';
import type { Seats } from './seats.ts';
import type { Trial } from './trial.ts';
import { createVigil, joinLate, type Vigil } from './vigil.ts';

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
  /** Rejects with MODEL_REFUSED (a RefusedModel, with its gates), CONFLICT, MODEL_MISSING …; the old model serves on then. */
  activate(ref: ModelRef, options: { readonly allowGap: boolean }): Promise<Outcome>;
  /** Ends the probation well, before its time. */
  confirm(): Promise<Outcome>;
  /** The model before serves again, whatever the active one is like. */
  rollback(): Promise<Outcome>;
  /** The daemon serves: a model that is not confirmed goes (back) on probation. */
  resume(state: StoreState): void;
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
  const debts = createDebts(parts, changes);
  let vigil: Vigil | null = null;

  async function activate(ref: ModelRef, { allowGap }: { readonly allowGap: boolean }): Promise<Outcome> {
    const old = seats.active;
    if (old.ref === ref) return { state: await store.read(), gates: [] };
    await requireStored(store, ref);
    requireNoProbation();
    const next = await admit({ ...parts, ref, allowGap });
    if (seats.candidate?.resident === next.resident) parts.trial.end();
    next.resident.watch();
    take(next.resident, old);
    log.info({ message_id: MESSAGE_IDS.modelActivated }, `${next.resident.id} serves now, in the place of ${old.id}`);
    beginProbation(old);
    vigil?.join(old, next.references);
    if (parts.limits().probationMs === 0) await confirmNow('at once, as rollout.probation_s says').catch(() => {}); // the probation tries it again
    parts.onChange();
    return { state: await store.read(), gates: next.gates };
  }

  function requireNoProbation(): void {
    if (vigil === null) return;
    const leftS = Math.ceil(vigil.remainingMs() / 1000);
    throw new SidecarError(
      'CONFLICT',
      `${seats.active.id} is on probation for another ${leftS} s: confirm it ("model confirm"), roll it back, or wait.`,
    );
  }

  function take(next: Resident, standby: Resident | null): void {
    const unused = seats.take(next, standby);
    if (unused !== null) void retire(unused, parts);
    parts.trial.restart();
    parts.onChange();
  }

  function beginProbation(predecessor: Resident | null): void {
    const onEnd = (end: ProbationOutcome) => void conclude(run, end);
    const run = createVigil({ resident: seats.active, limits: parts.limits(), clock: parts.clock, onEnd }, predecessor);
    vigil = run;
  }

  /** While it waited for its turn, a command may have ended it otherwise. What the store cannot take now, it is told later. */
  async function conclude(run: Vigil, end: ProbationOutcome): Promise<void> {
    try {
      await changes.next('end the probation', async () => {
        if (vigil !== run) return;
        if (end.kind === 'confirmed') return void (await confirmNow(end.text));
        log.error({ message_id: MESSAGE_IDS.modelReverted }, `${run.resident.id} failed its probation: ${end.why}`);
        await stepBack(end.why, reverted);
      });
    } catch (thrown) {
      log.error(
        { err: thrown },
        `the probation of ${run.resident.id} could not be ended, it is tried again: ${messageOf(thrown)}`,
      );
      setTimeout(() => void conclude(run, end), RETRY_MS).unref();
    }
  }

  async function confirmNow(how: string): Promise<Outcome> {
    const { active, standby } = seats;
    const state = await store.change((now) => confirmedBy(active, now));
    endProbation();
    log.info({ message_id: MESSAGE_IDS.modelConfirmed }, `${active.id} is confirmed: ${how}`);
    seats.standby = null;
    parts.onChange();
    if (standby !== null) void retire(standby, parts);
    return { state, gates: [] };
  }

  function endProbation(): void {
    vigil?.stop();
    vigil = null;
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
    const back = await bringBack(previous, parts);
    endProbation();
    take(back, null);
    log.warn(
      { message_id: MESSAGE_IDS.modelReverted },
      `${back.id} serves again, in the place of ${failed.id}: ${why}`,
    );
    void settle(back, failed, parts);
    return { state: await debts.owe({ why, transition, back, failed }), gates: [] };
  }

  async function confirm(): Promise<Outcome> {
    requireOnProbation(vigil !== null, seats.active);
    return confirmNow('by the operator');
  }

  async function rollback(): Promise<Outcome> {
    requireWayBack(await store.read(), seats.active);
    return stepBack('rolled back by the operator', rolledBack);
  }

  const command = <T>(what: string, run: () => Promise<T>) =>
    changes.now(what, async () => {
      await parts.requireFree();
      await debts.settle();
      return run();
    });

  async function recall(run: Vigil, ref: ModelRef): Promise<void> {
    if (vigil !== run || seats.standby !== null) return;
    seats.standby = await joinLate(run, () => parts.open(ref), log);
    parts.onChange();
  }

  return {
    later: changes.next,
    command,
    activate: (ref, options) => command(`activate ${ref}`, () => activate(ref, options)),
    confirm: () => command('confirm', confirm),
    rollback: () => command('roll back', rollback),
    resume: (state) => {
      if (state.probation === null) return;
      beginProbation(null);
      const run = vigil!;
      const previous = fallbackOf(state);
      if (previous === null || !parts.canHoldTwo) run.goWithout();
      else void changes.next(`load ${previous}`, () => recall(run, previous));
    },
    goldenFailed: (why) => vigil?.goldenFailed(why),
    probationMs: () => vigil?.remainingMs() ?? null,
    close: async () => {
      vigil?.stop();
      await inTime(
        changes.next('stop', async () => {}),
        3000,
      );
      await debts.settle();
      if (vigil !== null || seats.candidate !== null) await store.change((now) => paused(now));
    },
  };
}
