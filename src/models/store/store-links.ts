import { isAbsolute, join } from 'node:path';
import type { Disk } from './disk.ts';
import { parseRef, ROLES, type Role, refIn } from './store-ref.ts';
import { type ModelRef, PACKAGED, type StoreState } from './store-state.ts';
import { initialState } from './store-transitions.ts';

export interface Links {
  readonly disk: Disk;
  readonly root: string;
  readonly packagedDirectory: string;
  token(): string;
}

/** Brings the links in line with the state: they are a view for people, the journal decides. True when one was changed. */
export async function alignLinks(links: Links, state: StoreState): Promise<boolean> {
  let changed = false;
  for (const role of ROLES) changed = (await alignLink(links, role, targetOf(links, refIn(state, role)))) || changed;
  if (changed) await links.disk.syncDirectory(links.root);
  return changed;
}

/** Relative, so that a store that is looked at from elsewhere (a mounted card) still points into itself. */
function targetOf({ packagedDirectory }: Links, ref: ModelRef | null): string | null {
  if (ref === null) return null;
  return ref === PACKAGED ? packagedDirectory : ref.replace('@', '/');
}

async function alignLink({ disk, root, token }: Links, role: Role, target: string | null): Promise<boolean> {
  const path = join(root, role);
  const kind = await disk.kindOf(path);
  if (kind !== null && kind !== 'link' && kind !== 'file') return false; // somebody's directory: not ours to delete
  const current = kind === 'link' ? await disk.readLink(path) : null;
  if (kind === null ? target === null : current === target) return false;
  if (target === null) await disk.unlink(path);
  else await replaceLink(disk, target, path, join(root, `.link-${token()}`));
  return true;
}

async function replaceLink(disk: Disk, target: string, path: string, temporary: string): Promise<void> {
  try {
    await disk.symlink(target, temporary);
    await disk.rename(temporary, path);
  } catch (thrown) {
    await disk.unlink(temporary).catch(() => undefined);
    throw thrown;
  }
}

/**
 * The state as far as the links tell it, for a journal that is lost. Whether the active model was confirmed they do not
 * tell, so it goes through a probation again; nor how the candidate was compared, so there is none.
 */
export async function stateFromLinks(disk: Disk, root: string): Promise<StoreState> {
  const active = await refBehind(disk, root, 'active');
  if (active === null) return initialState();
  const previous = await refBehind(disk, root, 'previous');
  return {
    ...initialState(),
    active,
    previous: previous === active ? null : previous,
    probation: active === PACKAGED ? null : { ref: active, phase: 'waiting', boot: '' },
  };
}

async function refBehind(disk: Disk, root: string, role: Role): Promise<ModelRef | null> {
  const path = join(root, role);
  if ((await disk.kindOf(path)) !== 'link') return null;
  const target = await disk.readLink(path);
  if (isAbsolute(target)) return PACKAGED; // only the packaged one is outside, wherever this version has it
  const ref = target.replace('/', '@');
  return parseRef(ref) !== null && (await disk.kindOf(join(root, target))) === 'directory' ? ref : null;
}
