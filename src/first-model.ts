import type { StoreClaim } from './claim.ts';
import type { Config } from './config/schema.ts';
import { messageOf, toSidecarError } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { MESSAGE_IDS } from './core/message-ids.ts';
import type { Resident } from './models/rollout/resident.ts';
import type { Store } from './models/store/store.ts';
import { PACKAGED, type StoreState } from './models/store/store-state.ts';
import { fallbackOf, forgotten, judgeStart, reverted } from './models/store/store-transitions.ts';
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
  const { opener, store } = parts;
  if (isPinned(parts.config)) return { resident: await opener.configured(), books: null };
  let books = await store.read();
  if ((await parts.claim.take()) === 'others') {
    parts.log.info(
      {},
      `another daemon, or another user, has the model store ${parts.config.model.store}: this one only reads it`,
    );
    return { resident: await opener.open(books.active, { isFirst: true }), books: null };
  }
  const judged = judgeStart(books, parts.boot);
  if (judged !== 'serve') books = await stepBack(parts, books, judged.revert);
  for (;;) {
    try {
      return { resident: await opener.open(books.active, { isFirst: true }), books };
    } catch (thrown) {
      if (books.active === PACKAGED || fallbackOf(books) === null || !isModelsFault(thrown)) throw thrown;
      books = await stepBack(parts, books, messageOf(thrown));
    }
  }
}

/** A missing library or a full disk would hit every other model, too. */
function isModelsFault(thrown: unknown): boolean {
  return ['MODEL_INVALID', 'MODEL_MISSING', 'MODEL_UNTRUSTED'].includes(toSidecarError(thrown).code);
}

/** A disk that takes no writing must not keep the model before from serving. */
async function stepBack({ store, log, now }: FirstModelParts, books: StoreState, why: string): Promise<StoreState> {
  const transition = (state: StoreState) => reverted(state, why, now());
  const lost = async () => store.change((state) => transition(forgotten(state, state.previous ?? PACKAGED))); // deleted by hand
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
