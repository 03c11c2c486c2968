import { type ConfigDocument, readDocument } from './document.ts';
import { type Environment, type EnvironmentSettings, readEnvironment } from './environment.ts';
import { findFile, type ReadFile, readBounded } from './files.ts';
import { CONFIG_KEYS, type Setting, toConfig } from './keys.ts';
import { ConfigError, type Problem } from './problems.ts';
import { version16 } from './rendered.ts';
import { checkTogether, type KeyProblem } from './rules.ts';
import type { Config } from './schema.ts';
import { listWarnings } from './warnings.ts';

export interface ConfigSource {
  /** An explicit file, or null for the default places. */
  readonly path: string | null;
  readonly env: Environment;
  readonly readFile?: ReadFile;
  /** What relative paths in environment variables are relative to. */
  readonly cwd?: string;
}

/** A configuration in force and where every value came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** Dotted key → `default`, `yaml:/path:line`, `json:/path` or `env NAME`; every key has one. */
  readonly origins: Readonly<Record<string, string>>;
  /** First 16 hex digits of the sha256 of the configuration, environment included. */
  readonly version16: string;
  /** The file that was read; null when there is none and the built-in defaults are in force. */
  readonly path: string | null;
  readonly yamlPath: string | null;
  /** Sentences for the log and `config check`. */
  readonly warnings: readonly string[];
}

/**
 * Reads, checks and completes the configuration.
 * Throws CONFIG_UNREADABLE (no such file, no permission) or ConfigError (CONFIG_INVALID) with every problem found.
 */
export function loadConfig(source: ConfigSource): LoadedConfig {
  const readFile = source.readFile ?? readBounded;
  const file = findFile(source.path, readFile);
  const document = file === null ? null : readDocument(file.path, file.bytes);
  const loaded = assemble(document, readEnvironment(source.env, source.cwd ?? process.cwd()));
  const stale = document === null ? null : describeStale(document, readFile);
  return stale === null ? loaded : { ...loaded, warnings: [...loaded.warnings, stale] };
}

/** One file and the environment as a configuration in force. Throws ConfigError. */
export function assemble(document: ConfigDocument | null, env: EnvironmentSettings): LoadedConfig {
  const settings = new Map<string, Setting>([...(document?.values ?? []), ...env.values]);
  const problems = [...(document?.problems ?? []), ...env.problems];
  for (const found of checkTogether(settings)) problems.push(locate(found, document, env));
  if (problems.length > 0) throw new ConfigError(problems);
  const config = toConfig(settings);
  return {
    config,
    origins: toOrigins(document, env),
    version16: version16(config),
    path: document?.path ?? null,
    yamlPath: document?.yamlPath ?? null,
    warnings: [...(document?.warnings ?? []), ...listWarnings(config)],
  };
}

function locate({ key, message }: KeyProblem, document: ConfigDocument | null, env: EnvironmentSettings): Problem {
  const name = env.names.get(key);
  if (name !== undefined) return { source: `environment variable ${name}`, at: null, key, message };
  return { source: document?.path ?? 'built-in defaults', at: document?.positions.get(key) ?? null, key, message };
}

function toOrigins(document: ConfigDocument | null, env: EnvironmentSettings): Record<string, string> {
  const originOf = (key: string): string => {
    const name = env.names.get(key);
    return name === undefined ? (document?.origins.get(key) ?? 'default') : `env ${name}`;
  };
  return Object.fromEntries(CONFIG_KEYS.map(({ key }) => [key, originOf(key)]));
}

/** Says when the admin's YAML has moved on from the rendered JSON that was read; null when they agree or none is known. */
function describeStale({ path, note, yamlPath }: ConfigDocument, readFile: ReadFile): string | null {
  if (note === null || yamlPath === null) return null;
  const remedy = `Run: hailo-tcn-sidecar config render --in ${yamlPath} --out ${path}`;
  try {
    const now = assemble(readDocument(yamlPath, readFile(yamlPath)), readEnvironment({}, '/'));
    if (now.version16 === note.config_version) return null;
    return `${yamlPath} has changed since ${path} was rendered from it; the change is not in force. ${remedy}`;
  } catch (error) {
    if (error instanceof ConfigError)
      return `${yamlPath} has changed and has errors; ${path} is still in force. ${remedy}`;
    return null;
  }
}
