import type { SidecarError } from '../core/errors.ts';
import type { InferenceRecord, InputWarning, Reply, WindowTally } from '../core/task.ts';

/** One request's outcome, told exactly once: answered, refused or given up by the client. */
export interface ExchangeRecord {
  /** The route's label, or "unmatched". */
  readonly route: string;
  readonly kind: 'inference' | 'service';
  readonly method: string;
  /** HTTP status; 499 when the client had gone before there was an answer. */
  readonly status: number;
  /** Code of the error, CLIENT_GONE when the client went first, null for an answer. */
  readonly code: string | null;
  readonly requestId: string;
  /** Last byte of the body to the reply. */
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly inference: InferenceRecord | null;
  /** See Reply.windows. */
  readonly windows: WindowTally | null;
  readonly warnings: readonly InputWarning[];
  /** With cause and stack, for the log only. */
  readonly error: SidecarError | null;
  readonly aborted: boolean;
}

export const STATUS_CLIENT_GONE = 499;
export const NO_WARNINGS: ExchangeRecord['warnings'] = [];

/** A batch without a single answer has failed, though each of its windows was told why. */
export function emptyHanded(reply: Reply | null): SidecarError | null {
  return reply?.windows?.answered === 0 ? (reply.windows.failed[0] ?? null) : null;
}
