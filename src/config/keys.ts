import type { TObject, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { SidecarError } from '../core/errors.ts';
import { type Config, ConfigSchema } from './schema.ts';

/** What one key may hold. */
export type Setting = null | boolean | number | string | readonly string[];
/** A configuration as dotted key → value; what files, environment and reload work on. */
export type Settings = ReadonlyMap<string, Setting>;

export interface ConfigKey {
  /** Dotted, e.g. "backend.hailo.batch_size". */
  readonly key: string;
  readonly schema: TSchema;
  readonly default: Setting;
  readonly description: string;
}

interface Documented {
  readonly default: Setting;
  readonly description: string;
}

/** True for a group of keys such as "server", false for a key. */
export function isGroup(schema: TSchema): schema is TObject {
  return 'properties' in schema;
}

function listKeys(group: TObject, prefix: string): ConfigKey[] {
  return Object.entries(group.properties).flatMap(([name, schema]) => {
    if (isGroup(schema)) return listKeys(schema, `${prefix}${name}.`);
    const { default: value, description } = schema as TSchema & Documented;
    return [{ key: `${prefix}${name}`, schema, default: value, description }];
  });
}

/** Every key in the order of the schema, which is the order of every listing. */
export const CONFIG_KEYS: readonly ConfigKey[] = listKeys(ConfigSchema, '');

export const KEY_BY_NAME: ReadonlyMap<string, ConfigKey> = new Map(CONFIG_KEYS.map((entry) => [entry.key, entry]));

/** The built-in value of every key. */
export const DEFAULTS: Settings = new Map(CONFIG_KEYS.map((entry) => [entry.key, entry.default]));

/** The keys that a reload may change; the others need a restart. */
export const RELOADABLE_KEYS: readonly string[] = [
  'server.cors_origins',
  'backend.hailo.temperature_warning_celsius',
  'backend.hailo.temperature_critical_celsius',
  'inference.deadline_ms',
  'inference.max_deadline_ms',
  'inference.max_queue_size',
  'inference.max_batch_windows',
  'inference.validate_input_ranges',
  'rollout.probation_s',
  'rollout.min_samples',
  'rollout.max_error_ratio',
  'rollout.max_latency_factor',
  'rollout.max_drift',
  'rollout.min_cosine',
  'rollout.min_motif_agreement',
  'streams.max',
  'streams.max_load',
  'streams.max_age_ms',
  'streams.idle_timeout_s',
  'streams.resume_s',
  'rate_limit.windows_per_s',
  'rate_limit.burst',
  'logging.level',
  'logging.requests',
];

/** The value set, else the default. */
export function settingOf(settings: Settings, key: string): Setting {
  const value = settings.get(key);
  return value === undefined ? (DEFAULTS.get(key) ?? null) : value;
}

/** Lists are compared by content. */
export function isSameSetting(a: Setting | undefined, b: Setting | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Dotted settings as a Config, missing keys at their defaults, keys in schema order.
 * Throws INTERNAL when a value breaks the schema: callers check first and report with line and column.
 */
export function toConfig(settings: Settings): Config {
  const config: Record<string, unknown> = {};
  for (const entry of CONFIG_KEYS) place(config, entry.key.split('.'), settingOf(settings, entry.key));
  if (!Value.Check(ConfigSchema, config)) {
    throw new SidecarError('INTERNAL', 'An unchecked configuration reached the program; please report this.');
  }
  return config;
}

/** A Config as dotted settings; the inverse of toConfig. */
export function toSettings(config: Config): Settings {
  return new Map(CONFIG_KEYS.map(({ key }) => [key, valueAt(config, key)]));
}

function valueAt(config: Config, key: string): Setting {
  let node: unknown = config;
  for (const name of key.split('.')) node = (node as Record<string, unknown>)[name];
  return node as Setting;
}

function place(target: Record<string, unknown>, path: readonly string[], value: Setting): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    // A copy, because a list of the schema must never become somebody's to change.
    target[name] = Array.isArray(value) ? [...value] : value;
    return;
  }
  target[name] ??= {};
  place(target[name] as Record<string, unknown>, rest, value);
}
