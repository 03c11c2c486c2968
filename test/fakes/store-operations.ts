import { join } from 'node:path';
import type { Disk } from '../../src/models/store/disk.ts';
import { nodeDisk } from '../../src/models/store/node-disk.ts';
import { openStore, type Store } from '../../src/models/store/store.ts';
import {
  activated,
  confirmed,
  reverted,
  rolledBack,
  started,
  withCandidate,
} from '../../src/models/store/store-transitions.ts';
import { lockFile } from '../../src/system/file-lock.ts';
import { filesOf, membersOf, optionsOn, PACKAGED_DIRECTORY } from './store.ts';

/** What is done to a real store by a process that is killed on the way. Each may be repeated. */
export interface RealOperation {
  readonly name: string;
  /** Names of operations that were done before. */
  readonly after: readonly string[];
  run(store: Store): Promise<unknown>;
}

const install = (ref: string) => (store: Store) => store.install(membersOf(filesOf(ref)), optionsOn(null));
const activate = (ref: string) => (store: Store) => store.change((state) => activated(state, ref, 'boot'));
const AT = '2026-01-01T00:00:00Z';
const UP = ['install', 'install another', 'activate', 'confirm'];

export const REAL_OPERATIONS: readonly RealOperation[] = [
  { name: 'install', after: [], run: install('tcn@1') },
  { name: 'install another', after: ['install'], run: install('tcn@2') },
  { name: 'activate', after: ['install', 'install another'], run: activate('tcn@1') },
  { name: 'confirm', after: ['install', 'install another', 'activate'], run: (store) => store.change(confirmed) },
  { name: 'activate another', after: UP, run: activate('tcn@2') },
  {
    name: 'revert',
    after: [...UP, 'activate another'],
    run: (store) => store.change((state) => (state.active === 'tcn@2' ? reverted(state, 'failed', AT) : state)),
  },
  {
    name: 'roll back',
    after: [...UP, 'activate another', 'confirm'],
    run: (store) => store.change((state) => (state.active === 'tcn@2' ? rolledBack(state, 'asked', AT) : state)),
  },
  {
    name: 'set a candidate',
    after: UP,
    run: (store) =>
      store.change((state) => withCandidate(state, { ref: 'tcn@2', mode: 'shadow', share: 0, phase: 'running' })),
  },
  {
    name: 'promote',
    after: [...UP, 'set a candidate'],
    run: (store) => store.change((state) => started(activated(state, 'tcn@2', 'boot'), 'boot')),
  },
  { name: 'remove', after: UP, run: (store) => store.remove('tcn@2').catch(ignoreMissing) },
  { name: 'gc', after: UP, run: (store) => store.gc({ keep: 0 }) },
];

function ignoreMissing(thrown: { readonly code?: string }): void {
  if (thrown.code !== 'MODEL_MISSING') throw thrown;
}

export function openRealStore(
  root: string,
  warn: (sentence: string) => void = () => undefined,
  disk: Disk = nodeDisk,
  waitMs = 10_000,
): Store {
  const lock = lockFile(join(root, '.lock'), { what: 'a test', waitMs });
  const installLock = lockFile(join(root, '.install'), { what: 'a test', waitMs });
  return openStore({ root, packagedDirectory: PACKAGED_DIRECTORY, disk, lock, installLock, warn });
}

/** Says so when the model is staged, and goes no further. */
async function stuckInVerify(store: Store): Promise<void> {
  const verify = () => {
    console.log('staged');
    return new Promise<never>(() => setInterval(() => undefined, 1000));
  };
  await store.install(membersOf(filesOf('tcn@9')), { ...optionsOn(null), verify });
}

export async function operate(name: string, root: string): Promise<void> {
  if (name === 'stuck in verify') return stuckInVerify(openRealStore(root));
  const operation = REAL_OPERATIONS.find((candidate) => candidate.name === name);
  if (operation === undefined) throw new Error(`no operation ${name}`);
  await operation.run(openRealStore(root));
}
