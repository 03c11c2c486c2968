import { messageOf, SidecarError, toSidecarError } from '../core/errors.ts';
import { activate, awaitConfirmation } from './deploy-activate.ts';
import { checkFile, checkRemote } from './deploy-checks.ts';
import { type Course, type DeployDeps, insist } from './deploy-course.ts';
import { DEPLOY_HELP, toDeployPlan } from './deploy-plan.ts';
import { createRemote } from './deploy-remote.ts';
import type { ListReply } from './deploy-replies.ts';
import { createSsh, Interrupted } from './deploy-ssh.ts';
import { stage } from './deploy-stage.ts';
import { createSteps } from './deploy-steps.ts';
import type { Io } from './io.ts';

export type { DeployDeps, VerifiedFile } from './deploy-course.ts';

const INTERRUPTED = 130;

/** What came of it; `active` is what was seen to serve there at the end, null when that was not asked or not told. */
interface Result {
  readonly model: string | null;
  readonly active: string | null;
  readonly isConfirmed: boolean;
  readonly text: string;
}

/**
 * `hailo-tcn-sidecar deploy …` without "deploy". Resolves to the exit status: 0 when the model serves there and is
 * confirmed (or need not be), else that of the error, 130 after ^C. Throws USAGE; everything else is printed.
 */
export async function deployCommand(argv: readonly string[], io: Io, deps: DeployDeps): Promise<number> {
  const plan = toDeployPlan(argv);
  if (plan === null) {
    io.out(DEPLOY_HELP);
    return 0;
  }
  const remote = createRemote(createSsh({ target: plan.target, env: deps.env, signal: deps.signal }));
  const course: Course = { plan, remote, steps: createSteps(io, plan.isJson), deps };
  const known: Known = { before: null };
  try {
    return succeed(course, io, await perform(course, known));
  } catch (thrown) {
    return await giveUp(course, io, known.before, thrown);
  }
}

/** What a failure's report builds on. */
interface Known {
  before: ListReply | null;
}

async function perform(course: Course, known: Known): Promise<Result> {
  const { plan, remote } = course;
  const file = plan.file === null ? null : await checkFile(course, plan.file);
  const before = await checkRemote(course, file);
  known.before = before;
  const { active } = before;
  if (plan.isDryRun) {
    const what =
      file === null
        ? `go back from ${active} to ${before.previous ?? 'what is packaged'}`
        : `replace ${active} by ${file.model}`;
    const text = `Nothing was changed on ${remote.destination}; this would ${what}.`;
    return { model: file?.model ?? null, active, isConfirmed: before.probation === null, text };
  }
  return file === null ? rollBack(course, before) : replace(course, before, file);
}

async function replace(course: Course, before: ListReply, file: Parameters<typeof stage>[1]): Promise<Result> {
  const { plan, remote, steps } = course;
  const { model } = file;
  await stage(course, file);
  const seconds = await activate(course, model, before);
  if (plan.isAwaited) {
    await awaitConfirmation(course, model, seconds);
    return { model, active: model, isConfirmed: true, text: `${model} serves on ${remote.destination}, confirmed.` };
  }
  steps.note({ name: 'probation', state: 'skipped', text: 'not waited for' });
  const text = `${model} serves on ${remote.destination}; its probation goes on there.`;
  return { model, active: model, isConfirmed: seconds === 0, text };
}

async function rollBack({ remote, steps }: Course, before: ListReply): Promise<Result> {
  const active = await steps.take('rollback', async () => {
    const reply = await remote.rollback();
    const took = reply.ms === undefined ? '' : ` in ${reply.ms} ms`;
    return { value: reply.active, text: `from ${before.active} to ${reply.active}${took}` };
  });
  const after = await steps.take('verify', async () => {
    const list = await remote.list();
    if (list.active === active) return { value: list, text: `${active} is active` };
    throw new SidecarError('CONFLICT', `${list.active} is active instead of ${active}`);
  });
  const text = after.running
    ? `${active} serves on ${remote.destination} again.`
    : toIdleState(remote.destination, after);
  return { model: active, active, isConfirmed: true, text };
}

function succeed({ plan, remote, steps }: Course, io: Io, result: Result): number {
  const { text, isConfirmed, ...rest } = result;
  const { destination } = remote;
  if (!plan.isJson) io.out(text);
  else
    io.out(JSON.stringify({ ok: true, destination, ...rest, confirmed: isConfirmed, steps: steps.records }, null, 2));
  return 0;
}

/** Asks what serves there now instead of taking it for granted, and says it beside the reason. */
async function giveUp(course: Course, io: Io, before: ListReply | null, thrown: unknown): Promise<number> {
  const { plan, remote, steps } = course;
  const failed = steps.records.findLast(({ state }) => state === 'failed');
  const now = before === null ? null : await askAtLast(course);
  const error = toSidecarError(thrown);
  const why = messageOf(thrown).replace(/\.$/, '');
  const message = `deploy failed at "${failed?.name ?? 'start'}": ${why}. ${toState(remote.destination, before, now)}`;
  const active = now instanceof Error ? null : (now?.active ?? null);
  const { code } = error;
  if (error.code === 'INTERNAL' && thrown instanceof Error) io.err(`${thrown.stack}`);
  io.err(`${io.errColour.red('error:')} ${message}`);
  const report = { ok: false, error: { code, message }, destination: remote.destination, active, steps: steps.records };
  if (plan.isJson) io.out(JSON.stringify(report, null, 2));
  return thrown instanceof Interrupted ? INTERRUPTED : error.rule.exit;
}

async function askAtLast(course: Course): Promise<ListReply | Error> {
  try {
    return await insist(course, () => course.remote.list({ isKept: true }));
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

function toState(destination: string, before: ListReply | null, now: ListReply | Error | null): string {
  if (before === null || now === null) return `Nothing was changed on ${destination}.`;
  if (now instanceof Error) {
    const last = `before, ${before.active} served`;
    return `What ${destination} serves now could not be asked (${messageOf(now)}); ${last}, and an unconfirmed model is taken back there without us.`;
  }
  const { active } = now;
  if (!now.running) return toIdleState(destination, now);
  if (now.active === before.active) return `${active} serves on ${destination}, as before.`;
  const unconfirmed = now.probation === null ? '' : ', unconfirmed: it is taken back there when its probation fails';
  return `${active} serves on ${destination}${unconfirmed}; before, it was ${before.active}.`;
}

/** Nobody said what serves: what the store says of the next start. */
function toIdleState(destination: string, { running, active }: ListReply): string {
  const what = running === null ? 'The daemon may not be asked' : 'No daemon answers';
  return `${what} on ${destination}; it would start with ${active}.`;
}
