import { join } from 'node:path';
import { hasCode, LEFTOVER, orWarn, removeEmpty, removeTree, STAGING } from './store-files.ts';
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

/** Makes sure that nobody is staging a model, until the function is called; null when somebody may be. */
export type HoldStaged = () => Promise<(() => Promise<void>) | null>;

/**
 * Under the store's lock, before anything else: ends what a crash interrupted. Its refusals by the disk are warnings: on
 * a full disk a model must still be removable, and the state readable.
 */
export async function recover(recovery: Recovery, staged: HoldStaged): Promise<StoreState> {
  const { disk, root, warn } = recovery;
  await orWarn(() => sweep(recovery), warn);
  await orWarn(() => sweepStaged(recovery, staged), warn);
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

/** Asks for the hold only where there is something, which is seldom. */
async function sweepStaged({ disk, root }: Recovery, staged: HoldStaged): Promise<void> {
  const isStaged = (name: string) => name.startsWith(STAGING);
  const release = (await disk.list(root)).some(isStaged) ? await staged() : null;
  if (release === null) return;
  try {
    for (const name of (await disk.list(root)).filter(isStaged)) await removeTree(disk, join(root, name));
  } finally {
    await release();
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
