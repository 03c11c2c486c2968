import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SidecarError } from './core/errors.ts';
import { lockFile } from './system/file-lock.ts';

/** ours: no other daemon changes what serves; others: another one does; absent: there is no store to claim. */
export type Claim = 'ours' | 'others' | 'absent';

/** Whose the store is. Of two daemons only the first may go by its journal: to the second, the first looks like a dead one. */
export interface StoreClaim {
  /** Takes the store if nobody has it; kept until this process ends, however it ends. */
  take(): Promise<Claim>;
  release(): Promise<void>;
}

export function createStoreClaim(root: string): StoreClaim {
  const lock = lockFile(join(root, '.daemon'), { what: 'a daemon' });
  let release: (() => Promise<void>) | null = null;
  return {
    take: async () => {
      if (release !== null) return 'ours';
      if (!existsSync(root)) return 'absent';
      try {
        release = await lock(0);
        return 'ours';
      } catch (thrown) {
        // not permitted: a daemon of another user has it, or will
        if (thrown instanceof SidecarError && ['CONFLICT', 'STORE_FAILED'].includes(thrown.code)) return 'others';
        throw thrown;
      }
    },
    release: async () => {
      await release?.();
      release = null;
    },
  };
}

export function claimedByOthers(root: string): SidecarError {
  return new SidecarError(
    'CONFLICT',
    `Another daemon serves from the model store ${root}, or this user may not write there: give the command to that one, or give this one a model.store of its own.`,
  );
}

/** For a command that finds no daemon at the admin socket, and one all the same. */
export function unreachableDaemon(root: string): SidecarError {
  return new SidecarError(
    'CONFLICT',
    `A daemon serves from the model store ${root}, but does not answer at admin.socket, or this user may not write there: use sudo, and the configuration that the daemon was started with.`,
  );
}
