import { SidecarError } from '../../core/errors.ts';
import type { Ticket } from '../../core/model.ts';
import type { Call, TaskSettings } from '../../core/task.ts';

type Deadlines = Pick<TaskSettings, 'deadlineMs' | 'maxDeadlineMs'>;

const MILLISECONDS = /^[1-9]\d{0,8}$/;

/**
 * The place of a single window in the gate. One whose client waits longer than usual goes with the batches: a few of
 * those would fill the queue otherwise, and leave no time to whoever has only his 40 ms.
 *
 * @throws SidecarError BAD_REQUEST for an X-Request-Timeout-Ms that is none
 */
export function toTicket(call: Call, { deadlineMs, maxDeadlineMs }: Deadlines): Ticket {
  const wantedMs = readTimeout(call.header('x-request-timeout-ms'));
  const ownMs = wantedMs === null ? deadlineMs : Math.min(wantedMs, Math.max(deadlineMs, maxDeadlineMs));
  const ticket = { deadlineAt: call.receivedAt + ownMs, isGone: () => call.isGone() };
  if (ownMs === deadlineMs) return ticket;
  return ownMs > deadlineMs ? { ...ticket, batch: {} } : { ...ticket, isHurried: true };
}

/** The place that all windows of one request share: they wait behind single ones, and longer. @throws as toTicket() */
export function toBatchTicket(call: Call, { deadlineMs, maxDeadlineMs }: Deadlines): Ticket {
  const longestMs = Math.max(deadlineMs, maxDeadlineMs);
  return { ...toTicket(call, { deadlineMs: longestMs, maxDeadlineMs: longestMs }), batch: {} };
}

function readTimeout(header: string): number | null {
  if (header === '') return null;
  if (MILLISECONDS.test(header)) return Number(header);
  throw new SidecarError(
    'BAD_REQUEST',
    `X-Request-Timeout-Ms must be a whole number of milliseconds from 1 on, not "${header.slice(0, 32)}".`,
  );
}
