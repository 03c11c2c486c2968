import { join } from 'node:path';
import { SidecarError } from '../../core/errors.ts';
import { type ModelRef, PACKAGED, type StoreState } from './store-state.ts';

/** The links at the top of the store, and the fields of the state that they show. */
export const ROLES = ['active', 'previous', 'candidate'] as const;
export type Role = (typeof ROLES)[number];

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** What has another meaning at the top of the store, or on a command line. */
const RESERVED = /^(active|previous|candidate|packaged|journal\.json.*)$/;

/** The two halves of NAME@VERSION; null when it is none, or could lead out of the store. */
export function parseRef(ref: ModelRef): { readonly name: string; readonly version: string } | null {
  const [name = '', version = '', ...rest] = ref.split('@');
  return rest.length === 0 && isModelName(name) && isVersion(version) ? { name, version } : null;
}

export const isModelName = (text: string): boolean => NAME.test(text) && !RESERVED.test(text);
export const isVersion = (text: string): boolean => VERSION.test(text);

/** What is handed in by people. Throws USAGE. */
export function requireRef(ref: ModelRef): { readonly name: string; readonly version: string } {
  const parsed = parseRef(ref);
  if (parsed !== null) return parsed;
  throw new SidecarError(
    'USAGE',
    `"${ref}" is no model of the store: give NAME@VERSION as "hailo-tcn-sidecar model list" shows it, or "${PACKAGED}".`,
  );
}

/** Where a model lies below `root`, there or not. Throws USAGE. */
export function placeOf(root: string, ref: ModelRef): string {
  const { name, version } = requireRef(ref);
  return join(root, name, version);
}

/** NAME@VERSION of what a manifest says. Throws MODEL_INVALID when the store cannot hold a model of that name. */
export function refOf({ name, version }: { readonly name: string; readonly version: string }): ModelRef {
  if (isModelName(name) && isVersion(version)) return `${name}@${version}`;
  throw new SidecarError(
    'MODEL_INVALID',
    `The manifest names the model ${JSON.stringify(name)}, version ${JSON.stringify(version)}: a name is of a-z 0-9 . _ -, a version of A-Z a-z 0-9 . _ -, each at most 64 characters, and active, previous, candidate, packaged and journal.json are taken. Change it in the manifest and pack the model again.`,
  );
}

/** Which model has a role; null when none. */
export function refIn(state: StoreState, role: Role): ModelRef | null {
  return role === 'candidate' ? (state.candidate?.ref ?? null) : state[role];
}

export function rolesOf(state: StoreState, ref: ModelRef): readonly Role[] {
  return ROLES.filter((role) => refIn(state, role) === ref);
}
