import type { Location } from '../refusal.ts';

const LONGEST_NAME = 32;
const DEEPEST = 8;

/** Where the validator found what is wrong. A key of the client's own may be as long as its message: it is cut. */
export function locationOf(pointer: string | undefined): Location {
  const names = (pointer ?? '').split('/', DEEPEST + 1).slice(1);
  return names.map((name) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name));
}
