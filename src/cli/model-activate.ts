import { ERRORS, type ErrorCode, SidecarError } from '../core/errors.ts';
import type { StoreState } from '../models/store/store-state.ts';
import { activated, rolledBack } from '../models/store/store-transitions.ts';
import { FLAG, HELP_FLAG, type Io, parseCommandLine } from './io.ts';
import { type DaemonReply, printGates, requireDaemon, requireOperand, type StoreDeps } from './store-deps.ts';

export const ACTIVATE_HELP = `  activate NAME@VERSION|packaged [--allow-gap] [--json]
                    let it serve: loaded and proved beside the active one, then watched for rollout.probation_s
  confirm [--json]  end the probation well, before its time
  rollback [--json] let the model before serve again`;

export interface ActivateDeps extends StoreDeps {
  /** All that can be asked of a model before it serves, for a daemon that does not run. Throws the reason. */
  check(ref: string): Promise<void>;
}

export async function activateCommand(argv: readonly string[], io: Io, deps: ActivateDeps): Promise<number> {
  const options = { 'allow-gap': FLAG, json: FLAG, help: HELP_FLAG };
  const { values, positionals } = parseCommandLine(argv, options, { command: 'model', operands: 1 });
  if (values.help) return help(io);
  const ref = requireOperand(positionals[0], 'activate', 'NAME@VERSION');
  const reply = await deps.ask('POST', '/v1/activate', { model: ref, allow_gap: values['allow-gap'] === true });
  if (reply !== null) return tell(io, reply, values.json === true, 'serves');
  requireFree(deps);
  await deps.check(ref);
  const state = await deps.offline(() => deps.store.change((now) => activated(now, ref, deps.boot)));
  return tellOffline(io, state, values.json === true);
}

export async function confirmCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const { values } = parseCommandLine(argv, { json: FLAG, help: HELP_FLAG }, { command: 'model', operands: 0 });
  if (values.help) return help(io);
  const reply = requireDaemon(await deps.ask('POST', '/v1/confirm'), 'confirm');
  return tell(io, reply, values.json === true, 'is confirmed');
}

export async function rollbackCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const { values } = parseCommandLine(argv, { json: FLAG, help: HELP_FLAG }, { command: 'model', operands: 0 });
  if (values.help) return help(io);
  const reply = await deps.ask('POST', '/v1/rollback');
  if (reply !== null) return tell(io, reply, values.json === true, 'serves again');
  requireFree(deps);
  const why = 'rolled back by the operator';
  const state = await deps.offline(() => deps.store.change((now) => rolledBack(now, why, deps.now())));
  return tellOffline(io, state, values.json === true);
}

function requireFree({ whyPinned }: StoreDeps): void {
  if (whyPinned !== null) throw new SidecarError('CONFLICT', whyPinned);
}

/** What the daemon did; a refusal ends with its own exit status. */
export function tell(io: Io, reply: DaemonReply, isJson: boolean, what: string): number {
  const { ok, error, gates = [], probation } = reply;
  if (isJson)
    io.out(
      JSON.stringify({ ...reply, probation: probation && { ...probation, seconds: probation.remaining_s } }, null, 2),
    );
  else printGates(io, gates);
  if (!ok && error !== undefined) {
    io.err(`${io.errColour.red('error:')} ${error.message}`);
    return ERRORS[error.code as ErrorCode]?.exit ?? 1;
  }
  if (!isJson) io.out(`${io.colour.green('✓')} ${reply.serves} ${what}${toRest(reply)}`);
  return 0;
}

function toRest({ ms, probation, failure }: DaemonReply): string {
  const took = ms === undefined ? '' : `, after ${ms} ms`;
  const watched =
    probation?.remaining_s == null
      ? ''
      : `; on probation for ${probation.remaining_s} s ("model list" shows it, "model confirm" ends it)`;
  return `${took}${watched}${failure == null ? '' : `. But it answers nobody: ${failure}`}`;
}

function tellOffline(io: Io, state: StoreState, isJson: boolean): number {
  const { active, previous, probation } = state;
  if (isJson)
    io.out(
      JSON.stringify(
        {
          ok: true,
          running: false,
          active,
          previous,
          gates: [],
          probation: probation && { ...probation, seconds: null },
        },
        null,
        2,
      ),
    );
  else
    io.out(
      `${io.colour.green('✓')} The daemon does not run: ${active} is what it serves at its next start${probation === null ? '' : ', on probation'}.`,
    );
  return 0;
}

function help(io: Io): number {
  io.out(ACTIVATE_HELP);
  return 0;
}
