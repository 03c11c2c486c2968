import { SidecarError, type ValidationItem } from '../../core/errors.ts';

export type Location = readonly (string | number)[];

const LONGEST_ECHO = 64;

/** A 422 with its one item; what the client sent is echoed only where it is a single number, boolean, null or string. */
export function refusal(type: string, loc: Location, msg: string, input?: unknown, hint = ''): SidecarError {
  const item: ValidationItem = { type, loc, msg, ...toEcho(input) };
  return new SidecarError('INVALID_INPUT', `Refused at ${loc.join('.')}: ${msg}${hint}`, { items: [item] });
}

/** Throws the refusal(). */
export function refuse(...args: Parameters<typeof refusal>): never {
  throw refusal(...args);
}

function toEcho(input: unknown): Pick<ValidationItem, 'input'> {
  if (input === null || typeof input === 'boolean') return { input };
  if (typeof input === 'number') return Number.isFinite(input) ? { input } : {};
  if (typeof input !== 'string') return {};
  return { input: input.length > LONGEST_ECHO ? `${input.slice(0, LONGEST_ECHO)}…` : input };
}
