import { lstatSync, realpathSync } from 'node:fs';
import { join, parse, relative, sep } from 'node:path';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What this process may be; the real one, unless a test hands in its own. */
export interface Identity {
  /** Whether it may become somebody else. */
  isRoot(): boolean;
  groups(): number[];
  become(owner: Owner, groups: readonly number[]): void;
}

/** Permissions are given up last and taken back first. */
const thisProcess: Identity = {
  isRoot: () => process.geteuid?.() === 0,
  groups: () => process.getgroups?.() ?? [],
  become: ({ uid, gid }, groups) => {
    if (process.geteuid?.() !== 0) process.seteuid?.(0);
    process.setgroups?.([...groups]);
    process.setegid?.(gid);
    process.seteuid?.(uid);
  },
};

/**
 * Runs `work` as the account that owns `path`, or that will: as the first one other than root that has a say on the way
 * there. Root would else write wherever a link leads that this account could have planted, and leave files that the
 * service cannot change. For others than root, and below directories of root alone, it just runs. The whole process
 * changes, so nothing else may be under way: open what is only readable for root before.
 */
export async function asOwnerOf<T>(path: string, work: () => Promise<T>, identity = thisProcess): Promise<T> {
  const owner = identity.isRoot() ? firstOther(path) : null;
  if (owner === null) return work();
  const groups = identity.groups();
  identity.become(owner, [owner.gid]);
  try {
    return await work();
  } finally {
    identity.become({ uid: 0, gid: 0 }, groups);
  }
}

/** The first owner but root of a directory or link on the way; null when there is none. What is missing ends the way. */
export function firstOther(path: string, lookAt: (path: string) => Entry | null = entryAt): Owner | null {
  let reached = parse(path).root;
  for (const part of relative(reached, path).split(sep)) {
    reached = join(reached, part);
    const entry = lookAt(reached);
    if (entry === null) return null;
    if (entry.uid !== 0) return { uid: entry.uid, gid: entry.gid };
    if (entry.target === null) continue;
    const behind = firstOther(entry.target, lookAt); // root's own link, into what may be another's
    if (behind !== null) return behind;
    reached = entry.target;
  }
  return null;
}

export interface Entry extends Owner {
  /** Where a link leads in the end; null for what is no link. */
  readonly target: string | null;
}

function entryAt(path: string): Entry | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return { uid: stat.uid, gid: stat.gid, target: stat.isSymbolicLink() ? realpathSync(path) : null };
}
