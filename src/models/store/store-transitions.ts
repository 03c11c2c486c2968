import { SidecarError } from '../../core/errors.ts';
import { rolesOf } from './store-ref.ts';
import { type Candidate, type ModelRef, PACKAGED, type Refusal, type StoreState } from './store-state.ts';

/**
 * The changes of a store, as pure functions. What holds after every one of them:
 * `previous` is a model that was confirmed, so going back never serves anything that is not; the packaged model is what
 * is left to go back to when there is no previous one; the active model is never the candidate, nor the previous one.
 * Each returns the state that it was given when there is nothing to change.
 */
const MAX_REFUSED = 20;

/** A store in which nothing has happened: the packaged model serves. */
export function initialState(): StoreState {
  return { format: 1, generation: 0, active: PACKAGED, previous: null, candidate: null, probation: null, refused: [] };
}

/**
 * `ref` serves, on probation. An active model that is itself unconfirmed does not become the previous one. To activate
 * what is the previous one during a probation is to go back: it was confirmed, and needs no second probation.
 */
export function activated(state: StoreState, ref: ModelRef, boot: string): StoreState {
  if (ref === state.active) return state;
  const isBack = state.probation !== null && ref === fallbackOf(state);
  const left = state.probation === null ? state.active : state.previous;
  return {
    ...state,
    active: ref,
    previous: left === ref ? null : left,
    candidate: state.candidate?.ref === ref ? null : state.candidate,
    probation: isBack ? null : { ref, phase: 'waiting', boot },
  };
}

/** A daemon serves the model on probation from now on: if that daemon dies, it is reverted. */
export function started(state: StoreState, boot: string): StoreState {
  return inPhase(state, 'running', boot);
}

/** The daemon was stopped in order before the end of the probation; the next one of this boot goes on with it, and with the candidate. */
export function paused(state: StoreState): StoreState {
  const { probation, candidate } = state;
  const rested =
    candidate?.phase === 'running' ? { ...state, candidate: { ...candidate, phase: 'paused' as const } } : state;
  return probation?.phase === 'running' ? inPhase(rested, 'paused', probation.boot) : rested;
}

/** A daemon has the candidate loaded from now on: if that daemon dies, there is none. */
export function tried(state: StoreState): StoreState {
  const { candidate } = state;
  return candidate?.phase === 'paused' ? { ...state, candidate: { ...candidate, phase: 'running' } } : state;
}

function inPhase(state: StoreState, phase: 'running' | 'paused', boot: string): StoreState {
  const { probation } = state;
  if (probation === null || (probation.phase === phase && probation.boot === boot)) return state;
  return { ...state, probation: { ...probation, phase, boot } };
}

/** The active model passed its probation: what was once held against it counts no more. */
export function confirmed(state: StoreState): StoreState {
  return state.probation === null ? state : { ...cleared(state, state.active), probation: null };
}

/**
 * The active model is taken out of service because it failed, and that is remembered. It does not become the previous
 * one: what failed is put back by nobody but a person who activates it. Throws MODEL_REFUSED when it is the last one.
 */
export function reverted(state: StoreState, why: string, at: string): StoreState {
  const { candidate } = state;
  const active = requireFallback(state);
  return {
    ...refused(state, { ref: state.active, why, at }),
    active,
    previous: null,
    candidate: candidate?.ref === active ? null : candidate,
    probation: null,
  };
}

/**
 * A person goes back. A model that was confirmed becomes the previous one, so that a second rollback returns to it; one
 * that was on probation does not, and the rollback after it goes to the packaged model. Throws MODEL_REFUSED when there
 * is nothing to go back to.
 */
export function rolledBack(state: StoreState, why: string, at: string): StoreState {
  const next = reverted(state, why, at);
  return { ...cleared(next, next.active), previous: state.probation === null ? state.active : null };
}

/** A model to be compared with the active one; replaces the one before. Throws CONFLICT when it serves already. */
export function withCandidate(state: StoreState, candidate: Candidate): StoreState {
  const { ref, mode, share } = state.candidate ?? {};
  if (ref === candidate.ref && mode === candidate.mode && share === candidate.share) return state;
  if (candidate.ref !== state.active) return { ...state, candidate };
  throw new SidecarError('CONFLICT', `${candidate.ref} is the active model already: name another one as candidate.`);
}

export function withoutCandidate(state: StoreState): StoreState {
  return state.candidate === null ? state : { ...state, candidate: null };
}

/** A model that was not let into service: why, for people. */
export function refused(state: StoreState, refusal: Refusal): StoreState {
  return { ...state, refused: [refusal, ...cleared(state, refusal.ref).refused].slice(0, MAX_REFUSED) };
}

/** `ref` as if it had never been there, except while it is active: for a model whose files somebody deleted. */
export function forgotten(state: StoreState, ref: ModelRef): StoreState {
  const { previous, candidate } = state;
  return {
    ...cleared(state, ref),
    previous: previous === ref ? null : previous,
    candidate: candidate?.ref === ref ? null : candidate,
  };
}

function cleared(state: StoreState, ref: ModelRef): StoreState {
  return { ...state, refused: state.refused.filter((refusal) => refusal.ref !== ref) };
}

/** What serves when the active model cannot; null when that is the packaged one itself, and nothing came before it. */
export function fallbackOf({ active, previous }: StoreState): ModelRef | null {
  return previous ?? (active === PACKAGED ? null : PACKAGED);
}

function requireFallback(state: StoreState): ModelRef {
  const ref = fallbackOf(state);
  if (ref !== null) return ref;
  throw new SidecarError(
    'MODEL_REFUSED',
    'There is no model to go back to: the packaged one is active, and none was active before it. Install another one, and activate it.',
  );
}

/** Whether the store needs it: it may be neither removed nor collected. */
export function isProtected(state: StoreState, ref: ModelRef): boolean {
  return ref === PACKAGED || rolesOf(state, ref).length > 0;
}

/** What a daemon that starts does with the active model. `boot` is this boot's id. */
export function judgeStart({ probation }: StoreState, boot: string): 'serve' | { readonly revert: string } {
  if (probation === null || probation.phase === 'waiting') return 'serve';
  if (probation.boot !== boot) {
    return { revert: `The machine was restarted before ${probation.ref} was confirmed.` };
  }
  if (probation.phase === 'paused') return 'serve';
  return { revert: `The daemon died while ${probation.ref} was on probation.` };
}
