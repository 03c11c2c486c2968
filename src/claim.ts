import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SidecarError } from './core/errors.ts';
import { lockFile } from './system/file-lock.ts';

const CLAIM_FILE = '.daemon';

/** ours: no other daemon changes what serves; others: another one does, or will; absent: there is no store to claim. */
export type Claim = 'ours' | 'others' | 'absent';

/** Whose the store is. Of two daemons only the first may go by its journal: to the second, the first looks like a dead one. */
export interface StoreClaim {
  /**
   * Takes the store if nobody has it, or nobody any more within `waitMs` (0 without it: a command has it for moments);
   * kept until this process ends, however it ends.
   */
  take(waitMs?: number): Promise<Claim>;
  /** Why it came to "others" the last time: CONFLICT (held) or STORE_FAILED (not permitted); null when it did not. */
  readonly refusal: SidecarError | null;
  release(): Promise<void>;
}

export function createStoreClaim(root: string): StoreClaim {
  const lock = lockFile(join(root, CLAIM_FILE), { what: 'a daemon' });
  let release: (() => Promise<void>) | null = null;
  let refusal: SidecarError | null = null;
  return {
    take: async (waitMs = 0) => {
      refusal = null;
      if (release !== null) return 'ours';
      if (!existsSync(root)) return 'absent';
      try {
        release = await lock(waitMs);
        return 'ours';
      } catch (thrown) {
        if (!(thrown instanceof SidecarError) || !['CONFLICT', 'STORE_FAILED'].includes(thrown.code)) throw thrown;
        refusal = thrown;
        return 'others';
      }
    },
    get refusal() {
      return refusal;
    },
    release: async () => {
      await release?.();
      release = null;
    },
  };
}

/** For a daemon that is asked for what only the one that has the store may do. */
export function claimedByOthers(root: string, refusal: SidecarError | null = null): SidecarError {
  if (refusal?.code === 'STORE_FAILED') return notPermitted(root, refusal);
  return new SidecarError(
    'CONFLICT',
    `Another daemon serves from the model store ${root}${toHolder(refusal)}: give the command to that one, or give this one a model.store of its own.`,
  );
}

/** For a command that finds no daemon at the admin socket, and one all the same. */
export function unreachableDaemon(root: string, refusal: SidecarError | null = null): SidecarError {
  if (refusal?.code === 'STORE_FAILED') return notPermitted(root, refusal);
  return new SidecarError(
    'CONFLICT',
    `A daemon serves from the model store ${root}${toHolder(refusal)}, but does not answer at admin.socket: use the configuration that the daemon was started with.`,
  );
}

function notPermitted(root: string, refusal: SidecarError): SidecarError {
  return new SidecarError('STORE_FAILED', `The model store ${root} cannot be had: ${refusal.message}`, {
    cause: refusal,
  });
}

/** Who it is, as far as the lock tells. */
function toHolder(refusal: SidecarError | null): string {
  const holder = /process \d+/.exec(refusal?.message ?? '')?.[0];
  return holder === undefined ? '' : ` (${holder})`;
}
