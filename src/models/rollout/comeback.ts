import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Clock, Log } from '../../core/log.ts';
import type { Store } from '../store/store.ts';
import { missing } from '../store/store-remove.ts';
import { type ModelRef, PACKAGED, type StoreState } from '../store/store-state.ts';
import { confirmed, forgotten, reverted } from '../store/store-transitions.ts';
import type { Resident } from './resident.ts';
import { retire } from './retire.ts';
import type { Seats } from './seats.ts';
import type { Trial } from './trial.ts';

/** The steps around a model that serves again in the place of its successor. */
export interface ComebackParts {
  readonly store: Store;
  open(ref: ModelRef): Promise<Resident>;
  readonly clock: Clock;
  readonly log: Log;
  now(): string;
  onChange(): void;
}

export interface Comeback {
  readonly why: string;
  readonly transition: typeof reverted;
  readonly back: Resident;
  readonly failed: Resident;
}

/**
 * The model that is to serve again: from its seat, if it has one. Where the device holds one model, it has the device then.
 * Throws what keeps it from serving; nothing has changed then.
 */
export async function bringBack(previous: ModelRef, parts: BringBackParts): Promise<Resident> {
  const { seats, trial } = parts;
  const isWanted = ({ role, resident }: { role: string; resident: Resident }) =>
    role !== 'active' && resident.ref === previous;
  const seated = seats.list().find(isWanted)?.resident;
  const back = seated ?? (await openPredecessor(previous, parts));
  try {
    if (!parts.canHoldTwo) await back.model?.model.takeDevice?.();
  } catch (thrown) {
    if (back !== seated) await retire(back, parts);
    throw thrown;
  }
  if (seats.candidate?.resident === back) trial.end();
  return back;
}

export interface BringBackParts extends ComebackParts {
  readonly seats: Seats;
  readonly trial: Trial;
  readonly canHoldTwo: boolean;
}

/** What ships with the program is the last resort. */
async function openPredecessor(ref: ModelRef, { open, log }: ComebackParts): Promise<Resident> {
  try {
    return await open(ref);
  } catch (thrown) {
    if (ref === PACKAGED) throw thrown;
    log.error({}, `${ref} cannot be loaded either (${messageOf(thrown)}); the model that ships serves instead`);
    return open(PACKAGED);
  }
}

/** The store learns of it when it has happened already. Throws STORE_FAILED, and the model serves all the same. */
export async function note(comeback: Comeback, { store, now, onChange }: ComebackParts): Promise<StoreState> {
  const { why, transition, back, failed } = comeback;
  try {
    const state = await store.change((books) => {
      if (books.active === back.ref) return books; // told already
      const next = transition(books, why, now());
      if (next.active === back.ref) return next;
      return reverted(forgotten(books, next.active), `${why}; ${next.active} could not be loaded`, now()); // the packaged one
    });
    onChange();
    return state;
  } catch (cause) {
    throw new SidecarError(
      'STORE_FAILED',
      `${back.id} serves again, but the store cannot keep that, and ${failed.id} may be back after a restart: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The device goes back, too, and the failed model is closed when nobody waits for it any more. Never rejects. */
export async function settle(back: Resident, failed: Resident, parts: ComebackParts): Promise<void> {
  try {
    await back.model?.model.takeDevice?.();
    if (back.failure() !== null) await back.proof?.check();
  } catch (thrown) {
    parts.log.error({}, `${back.id} serves from the CPU, the device cannot be given back to it: ${messageOf(thrown)}`);
  }
  await retire(failed, parts);
}

/** Only what serves can be confirmed. Throws CONFLICT. */
export function confirmedBy(active: Resident, now: StoreState): StoreState {
  if (active.ref !== now.active) {
    const sentence = `${active.id} serves, but the store has ${now.active} as active: activate one of them.`;
    throw new SidecarError('CONFLICT', sentence);
  }
  return confirmed(now);
}

/** Throws CONFLICT when there is nothing to confirm. */
export function requireOnProbation(isOn: boolean, active: Resident): void {
  if (!isOn) throw new SidecarError('CONFLICT', `${active.id} is confirmed already: nothing is on probation.`);
}

/** Twice the same command, by two people or one who is impatient, must not go further than was meant. Throws CONFLICT. */
export function requireWayBack({ previous, refused }: StoreState, active: Resident): void {
  if (active.failure() !== null) return; // anything is better
  const refusal = refused.find(({ ref }) => ref === previous);
  if (previous === null && active.ref !== PACKAGED) {
    throw new SidecarError(
      'CONFLICT',
      `There is no model before ${active.id} to go back to: activate the one that you mean, "model activate ${PACKAGED}" for the one that ships.`,
    );
  }
  if (refusal === undefined) return;
  throw new SidecarError(
    'CONFLICT',
    `The model before ${active.id} is ${previous}, and that was taken back at ${refusal.at} (${refusal.why}): activate it if you mean it.`,
  );
}

/** Throws MODEL_MISSING for what the store does not hold, USAGE for what cannot be a model of it. */
export async function requireStored(store: Store, ref: ModelRef): Promise<void> {
  store.directoryOf(ref);
  if (ref === PACKAGED || (await store.list()).some((model) => model.ref === ref)) return;
  throw missing(ref);
}
