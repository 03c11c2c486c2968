import { type ErrorCode, retryMs, SidecarError, toErrorBody } from '../../../core/errors.ts';
import type { ErrorEvent } from '../../../core/stream-events.ts';

/** Codes of RFC 6455, and one of its private range, that a connection closes with. */
export const CLOSE = {
  done: 1000,
  away: 1001,
  invalid: 1007,
  policy: 1008,
  fault: 1011,
  restart: 1012,
  later: 1013,
  taken: 4001,
} as const;

const BY_ERROR: Partial<Record<ErrorCode, number>> = {
  BAD_REQUEST: CLOSE.invalid,
  INTERNAL: CLOSE.fault,
  SHUTTING_DOWN: CLOSE.restart,
  STREAMS_FULL: CLOSE.later,
  NOT_READY: CLOSE.later,
  BACKEND_UNAVAILABLE: CLOSE.later,
};

export const closeCodeOf = ({ code }: SidecarError): number => BY_ERROR[code] ?? CLOSE.policy;

/** @param close the code that the connection closes with; null: it goes on */
export function toErrorEvent(error: SidecarError, close: number | null): ErrorEvent {
  const ms = retryMs(error);
  const body = toErrorBody(error) as Pick<ErrorEvent, 'error' | 'detail'>;
  return { type: 'error', ...body, close, ...(ms !== null && { retry_ms: ms }) };
}

/** The client does what may not be done. */
export function breach(sentence: string): SidecarError {
  return new SidecarError('STREAM_BREACH', sentence);
}
