import { resolve } from 'node:path';
import { KEY_BY_NAME, type Setting } from './keys.ts';
import type { Problem } from './problems.ts';
import { checkSetting, toLevel } from './rules.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One overriding variable. `names`: the new spelling first, it wins over the old one. */
export interface Override {
  readonly key: string;
  readonly names: readonly string[];
  /** How the variable's text becomes the setting. */
  readonly kind: 'text' | 'number' | 'level' | 'path' | 'bundle';
}

/** Environment variables that win over the file. */
export const ENVIRONMENT: readonly Override[] = [
  { key: 'server.host', names: ['SIDECAR_HOST', 'FASTAPI_HOST'], kind: 'text' },
  { key: 'server.port', names: ['SIDECAR_PORT', 'FASTAPI_PORT'], kind: 'number' },
  { key: 'model.bundle', names: ['MODEL_BUNDLE'], kind: 'bundle' },
  { key: 'model.hef_path', names: ['HEF_PATH'], kind: 'path' },
  { key: 'model.num_motifs', names: ['NUM_MOTIFS'], kind: 'number' },
  { key: 'model.expect_version', names: ['MODEL_VERSION'], kind: 'text' },
  { key: 'model.expect_accuracy', names: ['MODEL_ACCURACY'], kind: 'text' },
  { key: 'backend.hailo.device_id', names: ['HAILO_DEVICE_ID'], kind: 'text' },
  { key: 'backend.hailo.batch_size', names: ['BATCH_SIZE'], kind: 'number' },
  { key: 'logging.level', names: ['LOG_LEVEL'], kind: 'level' },
];

export interface EnvironmentSettings {
  readonly values: Map<string, Setting>;
  /** Dotted key → name of the variable that set it. */
  readonly names: Map<string, string>;
  readonly problems: Problem[];
}

/**
 * What the environment overrides. A variable that is set but empty counts as not set.
 * Relative paths are resolved against `cwd`: unlike a file, an environment belongs to one current directory.
 */
export function readEnvironment(env: Environment, cwd: string): EnvironmentSettings {
  const found: EnvironmentSettings = { values: new Map(), names: new Map(), problems: [] };
  for (const override of ENVIRONMENT) {
    const name = override.names.find((candidate) => (env[candidate] ?? '').trim() !== '');
    if (name !== undefined) apply(found, override, name, (env[name] ?? '').trim(), cwd);
  }
  return found;
}

function apply(found: EnvironmentSettings, { key, kind }: Override, name: string, text: string, cwd: string): void {
  const value = toSetting(kind, text, cwd);
  const message = checkSetting(KEY_BY_NAME.get(key)!, value);
  if (message !== null) {
    found.problems.push({ source: `environment variable ${name}`, at: null, key, message });
    return;
  }
  found.values.set(key, value);
  found.names.set(key, name);
}

function toSetting(kind: Override['kind'], text: string, cwd: string): Setting {
  if (kind === 'number') return /^-?[0-9]{1,15}$/.test(text) ? Number(text) : text;
  if (kind === 'level') return toLevel(text);
  if (kind === 'path') return resolve(cwd, text);
  if (kind === 'bundle') return text.includes('@') && !text.includes('/') ? text : resolve(cwd, text);
  return text;
}
