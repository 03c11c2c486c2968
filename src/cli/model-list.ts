import { SidecarError } from '../core/errors.ts';
import type { StoredModel } from '../models/store/store.ts';
import { PACKAGED } from '../models/store/store-state.ts';
import { FLAG, HELP_FLAG, type Io, parseCommandLine, TEXT, toTable } from './io.ts';
import { type DaemonReply, requireOperand, type StoreDeps, showBytes } from './store-deps.ts';

export const LIST_HELP = `  list [--json]     the models of the store, which of them serves, and what was taken back and why
  remove NAME@VERSION [--json]
                    delete a model that is neither active nor previous nor candidate
  gc [--keep N] [--json]
                    delete all of those but the N that were installed last (1 by default)`;

const JSON_OPTIONS = { json: FLAG, help: HELP_FLAG };

export async function listCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const { values } = parseCommandLine(argv, JSON_OPTIONS, { command: 'model', operands: 0 });
  if (values.help) return help(io);
  const { state, models } = await deps.asOwner(async () => ({
    state: await deps.store.read(),
    models: await deps.store.list(),
  }));
  const { running, daemon } = await askDaemon(io, deps);
  const packagedId = await deps.packagedId();
  if (values.json) {
    const { active, previous, candidate, probation, refused } = { ...state, ...pick(daemon) };
    const idOf = (ref: string) => (ref === PACKAGED ? packagedId : ref);
    const shown = models.map(({ ref, bytes, roles, missing }) => ({ ref, id: idOf(ref), bytes, roles, missing }));
    const answer = {
      ok: true,
      running,
      active,
      previous,
      candidate,
      probation,
      refused,
      models: shown,
    };
    io.out(JSON.stringify(answer, null, 2));
    return 0;
  }
  for (const line of toTable(models.map((model) => toRow(model, daemon, packagedId)))) io.out(line);
  const { refused } = state;
  for (const { ref, why, at } of refused) io.out(`${io.colour.yellow('!')} ${ref}, ${at}: ${why}`);
  const serves = daemon?.loaded?.find(({ role }) => role === 'active');
  if (serves !== undefined && serves.ref !== null && serves.ref !== state.active)
    io.out(
      `${io.colour.yellow('!')} The daemon serves ${serves.id}, and the store does not know it yet: see the daemon's log.`,
    );
  if (daemon === null && state.probation !== null)
    io.out(
      `${io.colour.yellow('!')} ${state.probation.ref} is not confirmed: a start after a crash or a reboot serves the model before it.`,
    );
  if (deps.whyPinned !== null) io.out(`${io.colour.yellow('!')} ${deps.whyPinned}`);
  if (running === false) io.out(io.colour.dim('The daemon does not run, or does not answer.'));
  return 0;
}

/** running: null when nobody knows. Without permission to ask, the store still tells. */
async function askDaemon(io: Io, deps: StoreDeps): Promise<{ running: boolean | null; daemon: DaemonReply | null }> {
  try {
    const daemon = await deps.ask('GET', '/v1/models');
    return { running: daemon !== null, daemon };
  } catch (thrown) {
    if (!(thrown instanceof SidecarError)) throw thrown;
    io.err(`${io.errColour.yellow('!')} ${thrown.message} What is shown is what the store says.`);
    return { running: null, daemon: null };
  }
}

function pick(daemon: DaemonReply | null): Partial<DaemonReply> {
  return daemon === null ? {} : daemon;
}

function toRow(model: StoredModel, daemon: DaemonReply | null, packagedId: string | null): string[] {
  const { ref, bytes, roles, missing } = model;
  const notes: string[] = [...roles];
  const probation = daemon?.probation;
  if (probation?.ref === ref)
    notes.push(`on probation${probation.remaining_s === null ? '' : ` for another ${probation.remaining_s} s`}`);
  const candidate = daemon?.candidate;
  if (candidate?.ref === ref)
    notes.push(candidate.mode === 'canary' ? `${candidate.share * 100} % of the requests` : candidate.mode);
  if (missing.length > 0) notes.push(`damaged: ${missing.join(', ')} missing`);
  const shown = ref === PACKAGED && packagedId !== null ? `${ref} (${packagedId})` : ref;
  return [shown, showBytes(bytes), notes.join(', ')];
}

export async function removeCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const { values, positionals } = parseCommandLine(argv, JSON_OPTIONS, { command: 'model', operands: 1 });
  if (values.help) return help(io);
  const ref = requireOperand(positionals[0], 'remove', 'NAME@VERSION');
  const removed = await deps.asOwner(() => deps.store.remove(ref));
  if (values.json) io.out(JSON.stringify({ ok: true, removed: [removed] }, null, 2));
  else io.out(`${io.colour.green('✓')} removed ${removed.ref}`);
  return 0;
}

export async function gcCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const { values } = parseCommandLine(argv, { ...JSON_OPTIONS, keep: TEXT }, { command: 'model', operands: 0 });
  if (values.help) return help(io);
  const removed = await deps.asOwner(() => deps.store.gc({ keep: toCount(values.keep ?? '1') }));
  if (values.json) io.out(JSON.stringify({ ok: true, removed }, null, 2));
  else if (removed.length === 0) io.out('Nothing to remove.');
  else for (const { ref } of removed) io.out(`${io.colour.green('✓')} removed ${ref}`);
  return 0;
}

function toCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new SidecarError('USAGE', `model gc: --keep is a number of versions, not "${text}".`);
}

function help(io: Io): number {
  io.out(LIST_HELP);
  return 0;
}
