import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { SidecarError } from '../../core/errors.ts';
import type { Members } from '../bundle-file/members.ts';
import type { Disk } from './disk.ts';
import { explainedDisk } from './store-failure.ts';
import { ensureDirectory, orWarn } from './store-files.ts';
import { type Installed, type InstallOptions, installMembers, type Named } from './store-install.ts';
import { commitJournal } from './store-journal.ts';
import { alignLinks } from './store-links.ts';
import { type Recovery, readState, recover } from './store-recover.ts';
import { placeOf, type Role, rolesOf } from './store-ref.ts';
import { collect, missing, type Removed, removeModel } from './store-remove.ts';
import { bytesOf, listShelf, missingFiles } from './store-shelf.ts';
import { type ModelRef, PACKAGED, type Refusal, type StoreState } from './store-state.ts';

/**
 * Keeps every other process out until the function that it resolves to is called. Rejects with CONFLICT after waiting
 * for `waitMs` (its own default without one), with STORE_FAILED when this user may not.
 */
export type Lock = (waitMs?: number) => Promise<() => Promise<void>>;

export interface StoreParts {
  readonly root: string;
  /** The model that ships with the program. */
  readonly packagedDirectory: string;
  readonly disk: Disk;
  /** Held for the moments in which the journal, or what lies in the store, is changed. */
  readonly lock: Lock;
  /**
   * Held for all of an install, which receives and proves a model for seconds, or stands still: one after the other, and
   * nothing else waits for them. Taken before `lock`, never while that is held, except when it is free at once.
   */
  readonly installLock: Lock;
  /** Gets a sentence for the log or stderr about what was put right, or could not be. */
  warn?(sentence: string): void;
}

/** One line of "model list". */
export interface StoredModel {
  readonly ref: ModelRef;
  readonly directory: string;
  /** null when unknown: the packaged one, and what somebody copied into the store. */
  readonly bytes: number | null;
  /** Counts the installs; 0 when unknown. */
  readonly order: number;
  readonly roles: readonly Role[];
  readonly refused: Refusal | null;
  /** Names of its files that are gone. */
  readonly missing: readonly string[];
}

/**
 * The models of this machine. Every change is whole or not there, whenever the process or the machine dies, and is on
 * disk when it resolves. Each call throws STORE_FAILED with the remedy when the disk refuses, CONFLICT when another
 * process holds the lock for too long.
 */
export interface Store {
  /** The first call also ends what a crash interrupted, if it gets the lock at once; later ones only read. */
  read(): Promise<StoreState>;
  /**
   * Applies a transition to the state as it is then, and commits it; resolves to what was committed. A transition that
   * throws, or returns the state that it was given, changes nothing. Throws MODEL_MISSING when a model is not there.
   */
  change(transition: (state: StoreState) => StoreState): Promise<StoreState>;
  /** One after the other; while one receives and proves its model, all else goes on. */
  install<V extends Named>(members: Members, options: InstallOptions<V>): Promise<Installed<V>>;
  /** The packaged model first, then by install, the oldest first. */
  list(): Promise<StoredModel[]>;
  /** Throws CONFLICT when it has a role, MODEL_MISSING. */
  remove(ref: ModelRef): Promise<Removed>;
  /** Removes all that have no role, except the `keep` that were installed last. */
  gc(options: { readonly keep: number }): Promise<Removed[]>;
  /** Where a model lies, there or not. Throws USAGE for what cannot be one. */
  directoryOf(ref: ModelRef): string;
}

/** The store below `root`, which need not exist yet. Does nothing until it is asked. */
export function openStore(parts: StoreParts): Store {
  const { root, packagedDirectory } = parts;
  const warn = parts.warn ?? (() => undefined);
  const disk = explainedDisk(parts.disk, () => 0);
  const token = () => randomBytes(6).toString('hex');
  const deps: Recovery = { disk, root, packagedDirectory, token, warn };
  const ofNobody = () => ifFree(parts.installLock);
  let isRecovered = false;

  async function exclusively<T>(
    work: (state: StoreState) => Promise<T>,
    staged = ofNobody,
    waitMs?: number,
  ): Promise<T> {
    const release = await parts.lock(waitMs);
    try {
      const state = await recover(deps, staged);
      isRecovered = true;
      return await work(state);
    } finally {
      await release();
    }
  }
  async function changing<T>(work: (state: StoreState) => Promise<T>): Promise<T> {
    await ensureDirectory(disk, root);
    return exclusively(work);
  }
  async function install<V extends Named>(members: Members, options: InstallOptions<V>): Promise<Installed<V>> {
    await ensureDirectory(disk, root);
    const release = await parts.installLock();
    let neededBytes = 0;
    const onNeed = (bytes: number) => {
      neededBytes = bytes;
    };
    const own = explainedDisk(parts.disk, () => neededBytes);
    try {
      await exclusively(
        async () => undefined,
        async () => async () => undefined,
      ); // what others staged is of the dead
      const place = <T>(work: () => Promise<T>) => exclusively(work, async () => null); // and this is our own
      return await installMembers(members, options, { disk: own, root, token, onNeed, exclusively: place });
    } finally {
      await release();
    }
  }
  const directoryOf = (ref: ModelRef) => (ref === PACKAGED ? packagedDirectory : placeOf(root, ref));

  return {
    read: async () => {
      if (isRecovered || (await disk.kindOf(root)) === null) return readState(deps);
      return exclusively(async (state) => state, ofNobody, 0).catch((thrown) => readUnlocked(thrown, deps));
    },
    change: (transition) => changing((state) => commit(transition(state), state, deps)),
    install,
    list: async () => listModels(await readState(deps), deps),
    remove: (ref) => changing((state) => removeModel(ref, state, deps)),
    gc: ({ keep }) => changing((state) => collect(keep, state, deps)),
    directoryOf,
  };
}

/** null when somebody has it, or this user may not. */
async function ifFree(lock: Lock): Promise<(() => Promise<void>) | null> {
  try {
    return await lock(0);
  } catch (thrown) {
    if (isRefused(thrown)) return null;
    throw thrown;
  }
}

const isRefused = (thrown: unknown): boolean =>
  thrown instanceof SidecarError && (thrown.code === 'CONFLICT' || thrown.code === 'STORE_FAILED');

/** Whoever has the lock recovers what there is to recover; and who may not lock may still read. */
function readUnlocked(thrown: unknown, deps: Recovery): Promise<StoreState> {
  if (isRefused(thrown)) return readState(deps);
  throw thrown;
}

async function commit(next: StoreState, state: StoreState, deps: Recovery): Promise<StoreState> {
  if (next === state) return state;
  if (next.active !== state.active) await requireInstalled(next.active, deps);
  if (next.candidate !== null && next.candidate !== state.candidate) await requireInstalled(next.candidate.ref, deps);
  const committed: StoreState = { ...next, generation: state.generation + 1 };
  await commitJournal(deps.disk, deps.root, committed, deps.token());
  await orWarn(() => alignLinks(deps, committed), deps.warn); // the change has happened; the next open tries again
  return committed;
}

/** Its name is synced before the journal names it: the process that installed it may have died just before that. */
async function requireInstalled(ref: ModelRef, { disk, root }: Recovery): Promise<void> {
  if (ref === PACKAGED) return; // the last resort: whoever loads it says whether it can be
  const directory = placeOf(root, ref);
  if ((await disk.kindOf(directory)) !== 'directory') throw missing(ref);
  await disk.syncDirectory(dirname(directory));
  await disk.syncDirectory(root);
}

async function listModels(state: StoreState, { disk, root, packagedDirectory }: Recovery): Promise<StoredModel[]> {
  const packaged = { ref: PACKAGED, directory: packagedDirectory, record: null };
  const models: StoredModel[] = [];
  for (const shelved of [packaged, ...(await listShelf(disk, root))]) {
    models.push({
      ref: shelved.ref,
      directory: shelved.directory,
      bytes: bytesOf(shelved),
      order: shelved.record?.order ?? 0,
      roles: rolesOf(state, shelved.ref),
      refused: state.refused.find(({ ref }) => ref === shelved.ref) ?? null,
      missing: await missingFiles(disk, shelved),
    });
  }
  return models;
}
