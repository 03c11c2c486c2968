import { messageOf } from '../../core/errors.ts';
import type { Store } from '../store/store.ts';
import { activated, refused, started } from '../store/store-transitions.ts';
import { type Admitted, type AuditionParts, audition, RefusedModel } from './audition.ts';

export interface AdmissionParts extends AuditionParts {
  readonly store: Store;
  readonly boot: string;
  now(): string;
  requireFree(): Promise<void>;
}

/**
 * Past the gates, and into the store: when it resolves, the store has the model as the active one, running, and the traffic
 * may move. Throws what audition() and the store throw; nothing has changed then, but that the store knows the refusal.
 */
export async function admit(parts: AdmissionParts): Promise<Admitted> {
  const { store, ref, boot } = parts;
  const next = await audition(parts).catch(async (thrown) => {
    if (thrown instanceof RefusedModel) await remember(parts, thrown);
    throw thrown;
  });
  try {
    await parts.requireFree(); // the daemon may be stopping by now
    await store.change((now) => started(activated(now, ref, boot), boot));
    return next;
  } catch (thrown) {
    await next.withdraw();
    throw thrown;
  }
}

/** Who asks later why it does not serve finds it in the store. */
async function remember({ store, ref, now }: AdmissionParts, thrown: RefusedModel): Promise<void> {
  const refusal = { ref, why: messageOf(thrown), at: now() };
  await store.change((books) => refused(books, refusal)).catch(() => {}); // no such model, or no disk: the caller is told
}
