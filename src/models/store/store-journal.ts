import { join } from 'node:path';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Disk } from './disk.ts';
import { readIfThere, writeDurably } from './store-files.ts';
import { parseRef } from './store-ref.ts';
import { type ModelRef, PACKAGED, type StoreState } from './store-state.ts';

export const JOURNAL = 'journal.json';
/** Where a journal that cannot be used is kept for a person to look at. */
export const DAMAGED_JOURNAL = 'journal.json.damaged';

export type JournalReading = { readonly state: StoreState } | { readonly problem: string };

/** The state that was committed last; null when nothing ever was. */
export async function readJournal(disk: Disk, root: string): Promise<JournalReading | null> {
  const bytes = await readIfThere(disk, join(root, JOURNAL));
  return bytes === null ? null : parseJournal(bytes.toString('utf8'));
}

/** Replaces the journal: when it resolves the change has happened, and a power cut does not undo it. */
export async function commitJournal(disk: Disk, root: string, state: StoreState, token: string): Promise<void> {
  const temporary = join(root, `.journal-${token}`);
  try {
    await writeDurably(disk, temporary, [Buffer.from(`${JSON.stringify(state, null, 2)}\n`)]);
    await disk.rename(temporary, join(root, JOURNAL));
  } catch (thrown) {
    await disk.unlink(temporary).catch(() => undefined);
    throw thrown;
  }
  await disk.syncDirectory(root);
}

export function parseJournal(text: string): JournalReading {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return { problem: 'it is not JSON' };
  }
  if (isNewer(data)) return { problem: `it has format ${data.format}, which a newer version of this program wrote` };
  return isState(data) && isConsistent(data) ? { state: data } : { problem: 'it is not what this program writes' };
}

function isNewer(data: unknown): data is { readonly format: number } {
  const format = (data as { format?: unknown } | null)?.format;
  return typeof format === 'number' && format > 1;
}

const text = Type.String({ maxLength: 4096 });
const Schema = Type.Object({
  format: Type.Literal(1),
  generation: Type.Integer({ minimum: 0 }),
  active: text,
  previous: Type.Union([Type.Null(), text]),
  candidate: Type.Union([
    Type.Null(),
    Type.Object({
      ref: text,
      mode: Type.Union([Type.Literal('shadow'), Type.Literal('canary'), Type.Literal('named')]),
      share: Type.Number({ minimum: 0, maximum: 1 }),
      phase: Type.Union([Type.Literal('running'), Type.Literal('paused')]),
    }),
  ]),
  probation: Type.Union([
    Type.Null(),
    Type.Object({
      ref: text,
      phase: Type.Union([Type.Literal('waiting'), Type.Literal('running'), Type.Literal('paused')]),
      boot: text,
    }),
  ]),
  refused: Type.Array(Type.Object({ ref: text, why: Type.String(), at: text })),
});

let validator: ReturnType<typeof Compile> | null = null;

function isState(data: unknown): data is StoreState {
  validator ??= Compile(Schema);
  return validator.Check(data);
}

/** What the schema cannot say; a model of the journal becomes a path, so none may lead out of the store. */
function isConsistent({ active, previous, candidate, probation }: StoreState): boolean {
  const refs = [active, previous, candidate?.ref].filter((ref) => ref !== null && ref !== undefined);
  return refs.every(isRef) && (probation === null || probation.ref === active);
}

const isRef = (ref: ModelRef): boolean => ref === PACKAGED || parseRef(ref) !== null;
