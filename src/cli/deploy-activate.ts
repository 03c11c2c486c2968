import { messageOf, SidecarError } from '../core/errors.ts';
import { type Course, pause } from './deploy-course.ts';
import type { ActivateReply, ListReply } from './deploy-replies.ts';
import { ConnectionLost, Interrupted } from './deploy-ssh.ts';
import type { Told } from './deploy-steps.ts';

/** How much longer than a probation lasts its end is waited for. */
const MARGIN_MS = 60_000;
/** How long to look for an activation whose connection was lost. */
const LOST_MS = 60_000;

/** What activation left: the seconds of probation; 0 when there is none, null when that was not heard. */
type ProbationSeconds = number | null;

/** Makes the model active, unless it is; throws when the old one stays. */
export async function activate(course: Course, model: string, before: ListReply): Promise<ProbationSeconds> {
  const { steps, remote } = course;
  if (before.active === model) {
    steps.note({ name: 'activate', state: 'skipped', text: `${model} is active already` });
    return before.probation === null ? 0 : null;
  }
  return steps.take('activate', async () => {
    try {
      return toTold(model, await remote.activate(model));
    } catch (thrown) {
      if (!(thrown instanceof ConnectionLost)) throw thrown;
      return findOut(course, model, before, thrown);
    }
  });
}

function toTold(model: string, { active, running, gates, probation }: ActivateReply): Told<ProbationSeconds> {
  if (active !== model) throw new SidecarError('CONFLICT', `${active} became active instead of ${model}`);
  if (running === false)
    throw new SidecarError('UNAVAILABLE', `the daemon there went down meanwhile, so nothing proved ${model}`);
  if (probation === null) return { value: 0, text: `${model} serves, confirmed at once`, gates };
  const { seconds } = probation;
  const then = seconds === null ? 'on probation' : `on probation for ${seconds} s`;
  return { value: seconds, text: `${model} serves, ${then}`, gates };
}

/** The daemon goes on with an activation that nobody listens to. */
async function findOut(
  course: Course,
  model: string,
  before: ListReply,
  lost: ConnectionLost,
): Promise<Told<ProbationSeconds>> {
  const { deps, remote } = course;
  const deadline = deps.clock() + LOST_MS;
  for (;;) {
    const list = await askIfPossible(() => remote.list());
    if (!(list instanceof Error) && list.active === model)
      return {
        value: null,
        state: 'warning',
        text: `${model} serves; the connection was lost meanwhile (${lost.message})`,
      };
    const refusal = list instanceof Error ? null : newRefusal(list, before, model);
    if (refusal !== null) throw new SidecarError('MODEL_REFUSED', `${model} was refused: ${refusal.why}`);
    if (deps.clock() >= deadline)
      throw new ConnectionLost('UNAVAILABLE', `${lost.message}; the activation may go on there: see "model list"`);
    await pause(course);
  }
}

/** The list has one refusal of each model at most, its latest; one that was there before, at any place, is no answer. */
function newRefusal(now: ListReply, before: ListReply, model: string): ListReply['refused'][number] | null {
  const of = ({ refused }: ListReply) => refused.find(({ ref }) => ref === model) ?? null;
  const found = of(now);
  const known = of(before);
  return found?.at === known?.at && found?.why === known?.why ? null : found;
}

/** Waits until the model is confirmed; throws when it was taken back, or when time is up. */
export async function awaitConfirmation(course: Course, model: string, seconds: ProbationSeconds): Promise<void> {
  await course.steps.take('probation', async () => {
    const failedLooks = await watch(course, model, seconds);
    const gaps = failedLooks === 0 ? '' : `; looks at it that failed meanwhile: ${failedLooks}`;
    return { value: null, text: `${model} is confirmed${gaps}` };
  });
}

/** Looks again and again until the model is confirmed; resolves with how many looks failed. */
async function watch(course: Course, model: string, seconds: ProbationSeconds): Promise<number> {
  const { deps, plan, remote } = course;
  const began = deps.clock();
  let limitMs = plan.timeoutMs ?? (seconds === null ? null : seconds * 1000 + MARGIN_MS);
  for (let failedLooks = 0; ; ) {
    const seen = await askIfPossible(() => remote.list());
    if (seen instanceof Error) failedLooks++;
    else {
      if (isConfirmed(seen, model)) return failedLooks;
      limitMs ??= (seen.probation?.remaining_s ?? 0) * 1000 + MARGIN_MS;
    }
    const waitedMs = deps.clock() - began;
    if (waitedMs >= (limitMs ?? MARGIN_MS)) throw tooLate(model, waitedMs, describe(seen));
    await pause(course);
  }
}

/** Throws when another model is active. */
function isConfirmed({ active, running, probation, refused }: ListReply, model: string): boolean {
  if (active === model) return running === true && probation === null;
  const why = refused.find(({ ref }) => ref === model)?.why;
  const reason = why === undefined ? 'nobody noted why; somebody may have taken it back' : why;
  throw new SidecarError('MODEL_REFUSED', `${model} was taken back: ${reason}`);
}

function describe(seen: ListReply | Error): string {
  if (seen instanceof Error) return messageOf(seen);
  const { running, probation } = seen;
  if (running === null) return 'the daemon there may not be asked';
  if (!running) return 'no daemon answers there';
  const { remaining_s: left, requests } = probation ?? {};
  return `${left ?? '?'} s left, ${requests ?? '?'} requests so far`;
}

function tooLate(model: string, waitedMs: number, last: string): SidecarError {
  const what = `${model} was not confirmed within ${Math.round(waitedMs / 1000)} s (last seen: ${last})`;
  return new SidecarError('DEADLINE_EXCEEDED', `${what}; its probation goes on: see "model list" there`);
}

/** A lost connection, or a daemon that restarts, is no verdict: the probation protects without us. */
async function askIfPossible(ask: () => Promise<ListReply>): Promise<ListReply | Error> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof Interrupted || !(thrown instanceof SidecarError)) throw thrown;
    return thrown;
  }
}
