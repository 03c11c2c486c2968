import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { type ConfigKey, type Settings, settingOf } from './keys.ts';
import { didYouMean } from './nearest.ts';
import { isLoopback } from './warnings.ts';

/** The parts of a leaf schema that a sentence can be made from. */
interface Leaf {
  readonly type?: string;
  readonly rule?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly TSchema[];
  readonly items?: TSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
}

/** Words that other programs use: YAML 1.1's booleans are text in YAML 1.2, and Python has its own names of levels. */
// Maps, because a text may also be "constructor".
const BOOLEAN_WORDS: ReadonlyMap<string, string> = new Map([
  ['yes', 'true'],
  ['on', 'true'],
  ['no', 'false'],
  ['off', 'false'],
]);
const LEVEL_WORDS: ReadonlyMap<string, string> = new Map([
  ['warning', 'warn'],
  ['critical', 'error'],
  ['fatal', 'error'],
  ['trace', 'debug'],
]);

/** A level in any case or in Python's spelling as ours; other text in lower case. */
export function toLevel(text: string): string {
  return LEVEL_WORDS.get(text.toLowerCase()) ?? text.toLowerCase();
}

/** What the key accepts, as the end of "must be …". */
export function describeRule(schema: TSchema): string {
  const leaf = schema as Leaf;
  if (leaf.rule !== undefined) return leaf.rule;
  if (leaf.enum !== undefined) return `one of ${leaf.enum.join(', ')}`;
  if (leaf.anyOf !== undefined) return leaf.anyOf.toReversed().map(describeRule).join(' or ');
  if (leaf.type === 'boolean') return 'true or false';
  if (leaf.type === 'array') return `a list of at most ${leaf.maxItems} items, each ${describeRule(leaf.items!)}`;
  if (leaf.type === 'null') return 'null';
  return `${leaf.type === 'integer' ? 'a whole number' : 'a number'} from ${leaf.minimum} to ${leaf.maximum}`;
}

/** Why the value is not acceptable for the key, as a sentence with the value and the rule; null when it is. */
export function checkSetting({ key, schema }: ConfigKey, value: unknown): string | null {
  if (Value.Check(schema, value)) return null;
  return `${key} is ${show(value)}, but must be ${describeRule(schema)}.${hint(schema as Leaf, value)}`;
}

function hint(leaf: Leaf, value: unknown): string {
  if (typeof value !== 'string') return '';
  if (leaf.enum?.includes(toLevel(value))) return ` Write ${toLevel(value)}.`;
  const meant = leaf.type === 'boolean' ? BOOLEAN_WORDS.get(value.toLowerCase()) : undefined;
  return meant === undefined ? didYouMean(value, leaf.enum ?? []) : ` Write ${meant}.`;
}

/** A value in a message: short, on one line, and never a whole structure. */
export function show(value: unknown): string {
  if (Array.isArray(value))
    return value.length > 4 ? `a list of ${value.length} items` : `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return 'a group of keys';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
}

export interface KeyProblem {
  readonly key: string;
  readonly message: string;
}

/** Contradictions between keys whose values are each acceptable. */
export function checkTogether(settings: Settings): KeyProblem[] {
  return [...checkReach(settings), ...checkTls(settings), ...checkSockets(settings), ...checkTemperatures(settings)];
}

/** Nobody opens the daemon to a network by accident. */
function checkReach(settings: Settings): KeyProblem[] {
  const host = String(settingOf(settings, 'server.host'));
  const isAsked = settingOf(settings, 'security.token_credential') !== null;
  if (isLoopback(host) || isAsked || settingOf(settings, 'security.insecure') === true) return [];
  const ways =
    'Set server.host to 127.0.0.1, or security.token_credential so that clients need a token, or security.insecure: true to let everybody in';
  return [
    {
      key: 'server.host',
      message: `server.host is ${host}, beyond this machine, and nobody is asked for a token. ${ways}.`,
    },
  ];
}

function checkSockets(settings: Settings): KeyProblem[] {
  const path = settingOf(settings, 'server.unix_socket');
  if (path === null || path !== settingOf(settings, 'admin.socket')) return [];
  const message = `server.unix_socket is ${path}, but that is admin.socket, which is for commands; name another path.`;
  return [{ key: 'server.unix_socket', message }];
}

function checkTls(settings: Settings): KeyProblem[] {
  const [certificate, key] = [settingOf(settings, 'security.tls_certificate'), settingOf(settings, 'security.tls_key')];
  if ((certificate === null) === (key === null)) return [];
  const [set, missing] = certificate === null ? ['tls_key', 'tls_certificate'] : ['tls_certificate', 'tls_key'];
  return [
    { key: `security.${set}`, message: `security.${set} is set without security.${missing}; set both or neither.` },
  ];
}

function checkTemperatures(settings: Settings): KeyProblem[] {
  const warning = Number(settingOf(settings, 'backend.hailo.temperature_warning_celsius'));
  const critical = Number(settingOf(settings, 'backend.hailo.temperature_critical_celsius'));
  if (warning <= critical) return [];
  const message = `backend.hailo.temperature_warning_celsius is ${warning}, but must not be above temperature_critical_celsius, which is ${critical}.`;
  return [{ key: 'backend.hailo.temperature_warning_celsius', message }];
}
