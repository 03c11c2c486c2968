import { dirname, join } from 'node:path';
import { SidecarError } from '../../core/errors.ts';
import type { Disk } from './disk.ts';
import { orWarn, removeEmpty, removeTree } from './store-files.ts';
import { requireRef, rolesOf } from './store-ref.ts';
import { bytesOf, listShelf, type Shelved } from './store-shelf.ts';
import { type ModelRef, PACKAGED, type StoreState } from './store-state.ts';
import { isProtected } from './store-transitions.ts';

export interface RemoveDeps {
  readonly disk: Disk;
  readonly root: string;
  token(): string;
  warn(sentence: string): void;
}

export interface Removed {
  readonly ref: ModelRef;
  /** null when they were not recorded. */
  readonly bytes: number | null;
}

/** Under the store's lock. Throws CONFLICT (it is in use), MODEL_MISSING, USAGE. */
export async function removeModel(ref: ModelRef, state: StoreState, deps: RemoveDeps): Promise<Removed> {
  requireUnused(ref, state);
  requireRef(ref);
  const shelved = (await listShelf(deps.disk, deps.root)).find((candidate) => candidate.ref === ref);
  if (shelved === undefined) throw missing(ref);
  return discard(shelved, deps);
}

/** Removes what has no role, except the `keep` that were installed last. One after the other, the oldest first. */
export async function collect(keep: number, state: StoreState, deps: RemoveDeps): Promise<Removed[]> {
  const unused = (await listShelf(deps.disk, deps.root)).filter(({ ref }) => !isProtected(state, ref));
  const removed: Removed[] = [];
  for (const shelved of unused.slice(0, Math.max(0, unused.length - keep))) removed.push(await discard(shelved, deps));
  return removed;
}

/** The commit point is the rename, and it is on disk before the first file goes: half a model is never seen. */
async function discard(shelved: Shelved, deps: RemoveDeps): Promise<Removed> {
  const { disk, root } = deps;
  const trash = join(root, `.trash-${deps.token()}`);
  const parent = dirname(shelved.directory);
  await disk.rename(shelved.directory, trash);
  await disk.syncDirectory(root);
  await disk.syncDirectory(parent);
  await orWarn(async () => {
    await removeTree(disk, trash);
    await removeEmpty(disk, parent);
    await disk.syncDirectory(root);
  }, deps.warn);
  return { ref: shelved.ref, bytes: bytesOf(shelved) };
}

function requireUnused(ref: ModelRef, state: StoreState): void {
  if (!isProtected(state, ref)) return;
  throw new SidecarError('CONFLICT', `${ref} stays: ${reasonAndRemedy(ref, state)}`);
}

function reasonAndRemedy(ref: ModelRef, state: StoreState): string {
  const roles = rolesOf(state, ref);
  if (ref === PACKAGED) return 'it came with the program, and is what serves when nothing else can.';
  if (roles.includes('active')) return 'it is the active model: activate another one, confirm that, and try again.';
  if (roles.includes('previous')) {
    return 'it is what a rollback goes back to: it becomes free when another model is activated over the active one.';
  }
  return 'it is the candidate: end the comparison with "hailo-tcn-sidecar model candidate --stop", and try again.';
}

/** MODEL_MISSING, in the one sentence that there is for it. */
export function missing(ref: ModelRef): SidecarError {
  return new SidecarError(
    'MODEL_MISSING',
    `${ref} is not in the store: "hailo-tcn-sidecar model list" shows what is, "model install" brings it.`,
  );
}
