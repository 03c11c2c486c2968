import { refuse, show } from './refusal.ts';

/** Fields of a JSON object as the protocol has them. Clients made of typed models send null for what is absent. */
export type Fields = Readonly<Record<string, unknown>>;

const NONE: Fields = {};

export function toFields(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  return refuse(where, `this must be an object, not ${show(value)}`);
}

export function readParameters(fields: Fields, where: string): Fields {
  const { parameters } = fields;
  return parameters === undefined || parameters === null ? NONE : toFields(parameters, `${where}parameters`);
}

export function readString(fields: Fields, key: string, where: string): string {
  const value = fields[key];
  return typeof value === 'string' ? value : refuse(`${where}.${key}`, `this must be a string, not ${show(value)}`);
}

/** null when it is absent. */
export function readBoolean(fields: Fields, key: string, where: string): boolean | null {
  const value = fields[key];
  if (value === undefined || value === null) return null;
  return typeof value === 'boolean'
    ? value
    : refuse(`${where}.${key}`, `this must be true or false, not ${show(value)}`);
}

/** null when it is absent. */
export function readList(fields: Fields, key: string): readonly unknown[] | null {
  const value = fields[key];
  if (value === undefined || value === null) return null;
  return Array.isArray(value) ? value : refuse(key, `this must be a list, not ${show(value)}`);
}
