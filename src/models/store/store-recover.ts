import { join } from 'node:path';
import { hasCode, LEFTOVER, orWarn, removeEmpty, removeTree } from './store-files.ts';
import { commitJournal, DAMAGED_JOURNAL, JOURNAL, readJournal } from './store-journal.ts';
import { alignLinks, type Links, stateFromLinks } from './store-links.ts';
import { isModelName } from './store-ref.ts';
import type { StoreState } from './store-state.ts';
import { initialState } from './store-transitions.ts';

export interface Recovery extends Links {
  warn(sentence: string): void;
}

/** The state without changing anything, so also for users who may only read, and while another process has the lock. */
export async function readState({ disk, root, warn }: Recovery): Promise<StoreState> {
  const reading = await readJournal(disk, root);
  if (reading !== null && 'state' in reading) return reading.state;
  const state = await stateFromLinks(disk, root);
  const nothingEver = reading === null && state.active === initialState().active;
  if (!nothingEver) warn(lostSentence(root, reading?.problem ?? 'it is gone', state));
  return state;
}

function lostSentence(root: string, problem: string, { active }: StoreState): string {
  return `${join(root, JOURNAL)} cannot be used (${problem}): going by the links, ${active} is active. No model was deleted; a journal that was there is kept as ${DAMAGED_JOURNAL}.`;
}

/**
 * Under the store's lock, before anything else: ends what a crash interrupted. Its refusals by the disk are warnings: on
 * a full disk a model must still be removable, and the state readable.
 */
export async function recover(recovery: Recovery): Promise<StoreState> {
  const { disk, root, warn } = recovery;
  await orWarn(() => sweep(recovery), warn);
  const state = await readState(recovery);
  await orWarn(() => replaceDamaged(recovery, state), warn);
  await orWarn(() => alignLinks(recovery, state), warn);
  await orWarn(() => disk.syncDirectory(root), warn); // what a killed process renamed may be seen, but not be on disk yet
  return state;
}

async function sweep({ disk, root }: Recovery): Promise<void> {
  for (const name of await disk.list(root)) {
    if (LEFTOVER.test(name)) await removeTree(disk, join(root, name));
    else if (isModelName(name)) await removeEmpty(disk, join(root, name));
  }
}

/** The damaged journal is kept for a person, under another name, and the state that was recovered is written in its place. */
async function replaceDamaged({ disk, root, token }: Recovery, state: StoreState): Promise<void> {
  const reading = await readJournal(disk, root);
  if (reading !== null && 'state' in reading) return;
  if (reading === null && state.active === initialState().active) return;
  await disk.rename(join(root, JOURNAL), join(root, DAMAGED_JOURNAL)).catch((thrown) => {
    if (!hasCode(thrown, 'ENOENT')) throw thrown;
  });
  await commitJournal(disk, root, state, token());
}
