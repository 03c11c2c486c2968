import { claimedByOthers, type StoreClaim } from './claim.ts';
import type { Config } from './config/schema.ts';
import { messageOf, toSidecarError } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { MESSAGE_IDS } from './core/message-ids.ts';
import type { Resident } from './models/rollout/resident.ts';
import type { Store } from './models/store/store.ts';
import { PACKAGED, type StoreState } from './models/store/store-state.ts';
import { fallbackOf, forgotten, judgeStart, paused, reverted, started } from './models/store/store-transitions.ts';
import type { Opener } from './opener.ts';
import { isPinned } from './parts.ts';

export interface FirstModelParts {
  readonly config: Config;
  readonly opener: Opener;
  readonly store: Store;
  readonly claim: StoreClaim;
  readonly boot: string;
  readonly log: Log;
  now(): string;
  /** What to do when the start is given up. */
  onAbandon?(undo: () => Promise<void>): void;
}

export interface FirstModel {
  readonly resident: Resident;
  /** null where the configuration names the model: then the store has no say. */
  readonly books: StoreState | null;
}

/**
 * The model that a start serves: the one that the configuration names, else the store's active one. One that is not
 * confirmed after a crash or a reboot, or cannot be loaded, gives way to the one before it, and to the packaged one in the
 * end; the store remembers why. Throws what the last one throws.
 */
export async function openFirstModel(parts: FirstModelParts): Promise<FirstModel> {
  const { config, store, claim, log } = parts;
  if (isPinned(config)) return { resident: await parts.opener.configured(), books: null };
  const books = await store.read();
  if ((await claim.take(CLAIM_MS)) !== 'others') {
    const judged = judgeStart(books, parts.boot);
    return descend(parts, judged === 'serve' ? books : await stepBack(parts, books, judged.revert), WRITER);
  }
  log.warn({}, `${claimedByOthers(config.model.store, claim.refusal).message} This one only reads it.`);
  return { ...(await descend(parts, books, READER)), books: null };
}

type Step = (parts: FirstModelParts, books: StoreState, why: string) => Promise<StoreState>;

/** From the active model to the one before, and so on, until one can be loaded. */
async function descend(
  parts: FirstModelParts,
  from: StoreState,
  { mark, back }: { mark: Step; back: Step },
): Promise<FirstModel> {
  let books = from;
  for (;;) {
    books = await mark(parts, books, '');
    try {
      return { resident: await parts.opener.open(books.active, { isFirst: true }), books };
    } catch (thrown) {
      if (books.active === PACKAGED || fallbackOf(books) === null || !isModelsFault(thrown)) throw thrown;
      books = await back(parts, books, messageOf(thrown));
    }
  }
}

/** An offline command has the store for a moment. */
const CLAIM_MS = 2000;

/** Before it is loaded: a model that kills the process while it loads is taken back at the next start. */
async function mark({ store, log, boot, onAbandon }: FirstModelParts, books: StoreState): Promise<StoreState> {
  if (books.probation === null) return books;
  try {
    const marked = await store.change((now) => started(now, boot));
    onAbandon?.(async () => void (await store.change((now) => paused(now))));
    return marked;
  } catch (thrown) {
    log.error({}, `the store cannot keep that ${books.active} serves: ${messageOf(thrown)}`);
    return books; // a full disk keeps no model from serving
  }
}

/** Who only reads the store remembers for himself. */
async function inMemory({ log, now }: FirstModelParts, books: StoreState, why: string): Promise<StoreState> {
  const next = reverted(books, why, now());
  log.error({}, `${books.active} cannot be loaded, ${next.active} serves instead: ${why}`);
  return next;
}

/** A missing library or a full disk would hit every other model, too. */
function isModelsFault(thrown: unknown): boolean {
  return ['MODEL_INVALID', 'MODEL_MISSING', 'MODEL_UNTRUSTED'].includes(toSidecarError(thrown).code);
}

/** A disk that takes no writing must not keep the model before from serving. */
async function stepBack({ store, log, now }: FirstModelParts, books: StoreState, why: string): Promise<StoreState> {
  const transition = (state: StoreState) => reverted(state, why, now());
  const lost = (thrown: unknown) => {
    if (toSidecarError(thrown).code !== 'MODEL_MISSING') throw thrown;
    return store.change((state) => transition(forgotten(state, state.previous ?? PACKAGED))); // deleted by hand
  };
  const next = await store
    .change(transition)
    .catch(lost)
    .catch((thrown) => {
      log.error({}, `the store cannot keep that ${books.active} was taken back: ${messageOf(thrown)}`);
      return transition(books);
    });
  log.error(
    { message_id: MESSAGE_IDS.modelReverted },
    `${books.active} was taken back, ${next.active} serves instead: ${why}`,
  );
  return next;
}

const WRITER = { mark, back: stepBack };
const READER = { mark: async (_parts: FirstModelParts, books: StoreState) => books, back: inMemory };
