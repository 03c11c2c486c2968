import { lstatSync } from 'node:fs';
import type { Config } from './config/schema.ts';
import { SidecarError } from './core/errors.ts';
import { openModelStore } from './model-store.ts';
import { parseRef, ROLES, type Role, refIn } from './models/store/store-ref.ts';
import { missing } from './models/store/store-remove.ts';
import { PACKAGED } from './models/store/store-state.ts';
import { workAsOwner } from './store-work.ts';

/**
 * The directory that a command names: by NAME@VERSION, "packaged" or a role in the store, or itself; a directory that is
 * called like a role is ./active. Throws MODEL_MISSING when the store has no such model.
 */
export async function findBundle(
  from: string,
  config: () => Config,
  warn: (sentence: string) => void,
): Promise<string> {
  if (from !== PACKAGED && !isRole(from) && parseRef(from) === null) return from;
  const store = openModelStore(config(), { what: 'a command', warn });
  const ref = isRole(from) ? refIn(await workAsOwner(config().model.store, () => store.read()), from) : from;
  if (ref === null) {
    const sentence = `No model of the store ${config().model.store} is the ${from} one: "hailo-tcn-sidecar model list" shows which there are.`;
    throw new SidecarError('MODEL_MISSING', sentence);
  }
  const directory = store.directoryOf(ref);
  if (isGone(directory)) throw missing(ref);
  return directory;
}

const isRole = (text: string): text is Role => (ROLES as readonly string[]).includes(text);

/** Whether it is surely not there; what this user may not look at is for others to complain of. */
function isGone(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
