import { messageOf } from '../../core/errors.ts';
import type { StoreState } from '../store/store-state.ts';
import type { Changes } from './changes.ts';
import { type Comeback, type ComebackParts, note } from './comeback.ts';

/** What has happened, and the store does not know yet: a disk may be full just when a model has to be taken back. */
export interface Debts {
  /** Tells the store, now or, with an error, again and again until it knows. Throws STORE_FAILED. */
  owe(comeback: Comeback): Promise<StoreState>;
  /** Pays what is owed, before something else is written. Throws STORE_FAILED. */
  settle(): Promise<StoreState>;
}

/** How soon what the store could not take is tried again. */
export const RETRY_MS = 5000;

export function createDebts(parts: ComebackParts, changes: Changes): Debts {
  let owed: Comeback | null = null;

  async function settle(): Promise<StoreState> {
    if (owed === null) return parts.store.read();
    try {
      const state = await note(owed, parts);
      owed = null;
      return state;
    } catch (thrown) {
      parts.log.error({}, `${messageOf(thrown)} It is tried again.`);
      setTimeout(() => void changes.next('keep the books', settle).catch(() => {}), RETRY_MS).unref();
      throw thrown;
    }
  }

  return {
    settle,
    owe: (comeback) => {
      owed = comeback;
      return settle();
    },
  };
}
