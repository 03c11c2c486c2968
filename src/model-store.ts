import { join } from 'node:path';
import type { Config } from './config/schema.ts';
import { nodeDisk } from './models/store/node-disk.ts';
import { openStore, type Store } from './models/store/store.ts';
import { bundledModelDirectory } from './system/bundled-model.ts';
import { lockFile } from './system/file-lock.ts';

/** The one before may be proving a model, which takes seconds; more than this is one that stands still. */
const INSTALL_WAIT_MS = 30_000;

/** The store that the configuration names, for the daemon and the commands alike; it need not exist. */
export function openModelStore(
  config: Config,
  { what, warn }: { readonly what: string; warn(sentence: string): void },
): Store {
  const root = config.model.store;
  return openStore({
    root,
    packagedDirectory: bundledModelDirectory(),
    disk: nodeDisk,
    lock: lockFile(join(root, '.lock'), { what }),
    installLock: lockFile(join(root, '.install'), { what: 'model install', waitMs: INSTALL_WAIT_MS }),
    warn,
  });
}
