import { SidecarError } from '../core/errors.ts';
import { isSameSetting, RELOADABLE_KEYS, type Setting, toConfig, toSettings } from './keys.ts';
import { type ConfigSource, type LoadedConfig, loadConfig } from './load.ts';
import { version16 } from './rendered.ts';

export interface ConfigChange {
  readonly key: string;
  readonly from: Setting;
  readonly to: Setting;
}

export interface Reload {
  /** The configuration now in force: reloadable keys as read, all others as they were. */
  readonly loaded: LoadedConfig;
  readonly applied: readonly ConfigChange[];
  /** Changed in the file, but in force only after a restart. */
  readonly needsRestart: readonly ConfigChange[];
}

/**
 * Reads the configuration again. `source` is what the first load got.
 * Throws as loadConfig does, and then nothing has changed: `current` stays valid and in force.
 */
export function reloadConfig(current: LoadedConfig, source: ConfigSource): Reload {
  const read = loadConfig(source);
  if (read.path === null && current.path !== null) throw vanished(current.path);
  const changes = listChanges(current, read);
  const applied = changes.filter(({ key }) => RELOADABLE_KEYS.includes(key));
  const needsRestart = changes.filter(({ key }) => !RELOADABLE_KEYS.includes(key));
  return { loaded: merge(current, read, applied, needsRestart), applied, needsRestart };
}

function listChanges(current: LoadedConfig, read: LoadedConfig): ConfigChange[] {
  const before = toSettings(current.config);
  return [...toSettings(read.config)].flatMap(([key, to]) => {
    const from = before.get(key) ?? null;
    return isSameSetting(from, to) ? [] : [{ key, from, to }];
  });
}

function merge(
  current: LoadedConfig,
  read: LoadedConfig,
  applied: readonly ConfigChange[],
  needsRestart: readonly ConfigChange[],
): LoadedConfig {
  const settings = new Map([...toSettings(current.config), ...applied.map(({ key, to }) => [key, to] as const)]);
  const config = toConfig(settings);
  const held = new Set(needsRestart.map(({ key }) => key));
  const keys = Object.keys(read.origins);
  const originOf = (key: string) => (held.has(key) ? current.origins[key] : read.origins[key]) ?? 'default';
  return {
    ...read,
    config,
    origins: Object.fromEntries(keys.map((key) => [key, originOf(key)])),
    version16: version16(config),
    warnings: [...read.warnings, ...needsRestart.map(({ key }) => `${key} has changed; restart to apply it.`)],
  };
}

/** Falling back to the built-in defaults on a reload would change what serves because a file was moved. */
function vanished(path: string): SidecarError {
  return new SidecarError(
    'CONFIG_UNREADABLE',
    `The configuration file ${path} is gone, so the configuration in force stays. Put the file back and reload again.`,
  );
}
