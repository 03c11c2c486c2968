import { SidecarError } from '../core/errors.ts';

const LONGEST_NAME = 64;

/** What the client sent is not what the protocol, or the model, takes: 400. `where` is a place such as "inputs[0].shape". */
export function refuse(where: string, what: string): never {
  throw new SidecarError('INVALID_INPUT', where === '' ? what : `${where}: ${what}`);
}

/** A name that a client sent, fit for a sentence. */
export function quote(name: string): string {
  return JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name);
}

/** A scalar that a client sent, fit for a sentence; of anything larger only its kind. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

export function listNames(specs: readonly { readonly name: string }[]): string {
  return specs.map(({ name }) => JSON.stringify(name)).join(', ');
}
