import type { StreamEvent } from '../core/stream-events.ts';

/** Null for what this program does not know: a newer daemon may say more. */
export function readEvent(message: string): StreamEvent | null {
  let event: { type?: unknown } | null;
  try {
    event = JSON.parse(message);
  } catch {
    return null;
  }
  return typeof event === 'object' && event !== null && typeof event.type === 'string' ? (event as StreamEvent) : null;
}
