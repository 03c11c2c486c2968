import { type ConfigDocument, readDocument } from '../config/document.ts';
import { ENVIRONMENT, type Environment, readEnvironment } from '../config/environment.ts';
import { DEFAULT_JSON_PATH, DEFAULT_YAML_PATH, readConfigFile } from '../config/files.ts';
import { DEFAULTS, isSameSetting, toSettings } from '../config/keys.ts';
import { assemble, type LoadedConfig, loadConfig } from '../config/load.ts';
import { didYouMean } from '../config/nearest.ts';
import { ConfigError, type Problem, toLines } from '../config/problems.ts';
import { toRenderedJson } from '../config/rendered.ts';
import { FILE_LIMIT_BYTES } from '../config/source.ts';
import { writeAtomically } from '../config/write.ts';
import { ERRORS, messageOf, SidecarError } from '../core/errors.ts';
import { MESSAGE_IDS } from '../core/message-ids.ts';
import { tellJournal } from '../system/journal.ts';
import { fail, type Io, parseCommandLine, toTable } from './io.ts';

const HELP = `Usage: hailo-tcn-sidecar config COMMAND [OPTIONS]

Commands:
  render [--in FILE.yaml] [--out FILE.json] [--signal PID]
                    check the YAML and print the JSON that the daemon reads; --out replaces a file at once,
                    --signal then tells the daemon with that process id to read it
  check [FILE] [--json]
                    check a YAML or JSON file; every error with its line and column, exit status 78
  show [--config FILE] [--json]
                    the configuration in force, environment included, and where each value comes from
  systemd [--config FILE]
                    print a unit drop-in with the limits of resource_limits

Files:
  ${DEFAULT_YAML_PATH}
                    the administrator's file; render and check read it when none is named ("-" is standard input)
  ${DEFAULT_JSON_PATH}
                    what the daemon reads; show and systemd use it when it exists, else the YAML, else the defaults

Environment variables that win over the file:
${ENVIRONMENT.map(({ key, names }) => `  ${names.join(', ').padEnd(28)}${key}`).join('\n')}`;

type Command = (argv: readonly string[], io: Io, context: ConfigContext) => number | Promise<number>;

/** What the commands need beside the terminal. */
export interface ConfigContext {
  readonly env: Environment;
  /** Program and version for the rendered JSON, e.g. "hailo-tcn-sidecar 0.1.0"; null when not known. */
  readonly program: string | null;
}

/**
 * `hailo-tcn-sidecar config …` without "config". Resolves to the exit status: 0, 64 (usage), 69 (cannot write),
 * 78 (configuration wrong or unreadable). Errors are printed, not thrown.
 */
export async function configCommand(
  argv: readonly string[],
  io: Io,
  env: Environment,
  program: string | null = null,
): Promise<number> {
  try {
    return await dispatch(argv, io, { env, program });
  } catch (thrown) {
    return fail(io, thrown);
  }
}

const NO_ENVIRONMENT = readEnvironment({}, '/');

const COMMANDS: Readonly<Record<string, Command>> = { render, check, show, systemd };

async function dispatch([name, ...rest]: readonly string[], io: Io, context: ConfigContext): Promise<number> {
  if (name === undefined) {
    io.err(HELP);
    return 64;
  }
  if (name === 'help' || [name, ...rest].some((word) => word === '--help' || word === '-h')) {
    io.out(HELP);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return command(rest, io, context);
  const names = Object.keys(COMMANDS);
  const near = didYouMean(name, names);
  throw new SidecarError('USAGE', `Unknown command "config ${name}".${near} Known: ${names.join(', ')}.`);
}

async function render(argv: readonly string[], io: Io, context: ConfigContext): Promise<number> {
  const options = { in: { type: 'string' }, out: { type: 'string' }, signal: { type: 'string' } } as const;
  const { values } = parseCommandLine(argv, options, { command: 'config render', operands: 0 });
  try {
    return await renderFile(values, io, context);
  } catch (thrown) {
    if (values.signal !== undefined)
      await tellJournal(MESSAGE_IDS.reloadRefused, `not reloaded: ${messageOf(thrown)}`, context.env);
    throw thrown;
  }
}

interface RenderOptions {
  readonly in?: string | undefined;
  readonly out?: string | undefined;
  readonly signal?: string | undefined;
}

async function renderFile(values: RenderOptions, io: Io, { program }: ConfigContext): Promise<number> {
  if (values.in?.endsWith('.json')) throw new SidecarError('USAGE', `${values.in} is JSON already; --in takes YAML.`);
  const document = await readFileOrStdin(values.in ?? DEFAULT_YAML_PATH);
  const { config, warnings } = assemble(document, NO_ENVIRONMENT);
  const { positions, yamlPath, text } = document;
  const json = toRenderedJson({ settings: toSettings(config), positions, yamlPath, yamlText: text, program });
  warn(io, warnings);
  if (values.out === undefined || values.out === '-') io.out(json.trimEnd());
  else writeAtomically(values.out, json);
  if (values.signal !== undefined) tellToReload(values.signal);
  return 0;
}

function tellToReload(pid: string): void {
  if (!/^[1-9]\d*$/.test(pid))
    throw new SidecarError('USAGE', `config render: --signal takes a process id, not "${pid}".`);
  try {
    process.kill(Number(pid), 'SIGHUP');
  } catch (cause) {
    const what = `The configuration is rendered, but process ${pid} cannot be told`;
    throw new SidecarError('UNAVAILABLE', `${what}: ${messageOf(cause)}. Use systemctl reload hailo-tcn-sidecar.`, {
      cause,
    });
  }
}

async function check(argv: readonly string[], io: Io): Promise<number> {
  const options = { json: { type: 'boolean' } } as const;
  const { values, positionals } = parseCommandLine(argv, options, { command: 'config check', operands: 1 });
  const file = positionals[0] ?? DEFAULT_YAML_PATH;
  const { problems, warnings } = await judge(file);
  const ok = problems.length === 0;
  if (values.json) io.out(JSON.stringify({ file, ok, errors: problems, warnings }));
  else {
    warn(io, warnings);
    for (const line of toLines(problems)) io.err(line);
    if (ok) io.out(`${file}: ${io.colour.green('ok')}`);
  }
  return ok ? 0 : ERRORS.CONFIG_INVALID.exit;
}

/** Every problem of a file, and its warnings when it has none. The environment plays no part. */
async function judge(file: string): Promise<{ problems: readonly Problem[]; warnings: readonly string[] }> {
  try {
    const { warnings } =
      file === '-' ? assemble(await readFileOrStdin(file), NO_ENVIRONMENT) : loadConfig({ path: file, env: {} });
    return { problems: [], warnings };
  } catch (thrown) {
    if (thrown instanceof ConfigError) return { problems: thrown.problems, warnings: [] };
    throw thrown;
  }
}

function show(argv: readonly string[], io: Io, { env }: ConfigContext): number {
  const options = { config: { type: 'string' }, json: { type: 'boolean' } } as const;
  const { values } = parseCommandLine(argv, options, { command: 'config show', operands: 0 });
  const loaded = loadConfig({ path: values.config ?? null, env });
  warn(io, loaded.warnings);
  if (values.json) {
    const { version16: config_version, path: file, yamlPath: yaml, config, origins, warnings } = loaded;
    io.out(JSON.stringify({ config_version, file, yaml, config, origins, warnings }, null, 2));
  } else for (const line of describe(loaded, io)) io.out(line);
  return 0;
}

function describe(loaded: LoadedConfig, io: Io): string[] {
  const settings = [...toSettings(loaded.config)];
  const rows = settings.map(([key, value]) => [key, JSON.stringify(value), loaded.origins[key] ?? 'default']);
  const [head = '', ...lines] = toTable([['KEY', 'VALUE', 'ORIGIN'], ...rows]);
  const isDefault = settings.map(([key, value]) => isSameSetting(value, DEFAULTS.get(key)));
  const table = lines.map((line, row) => (isDefault[row] ? io.colour.dim(line) : line));
  const file = loaded.path ?? 'none, the built-in defaults are in force';
  return [`file: ${file}`, `version: ${loaded.version16}`, '', io.colour.bold(head), ...table];
}

function systemd(argv: readonly string[], io: Io, { env }: ConfigContext): number {
  const options = { config: { type: 'string' } } as const;
  const { values } = parseCommandLine(argv, options, { command: 'config systemd', operands: 0 });
  const { memory_max, tasks_max } = loadConfig({ path: values.config ?? null, env }).config.resource_limits;
  io.out('# Made by "hailo-tcn-sidecar config systemd". Save it as');
  io.out('# /etc/systemd/system/hailo-tcn-sidecar.service.d/50-resource-limits.conf, then run');
  io.out('# systemctl daemon-reload && systemctl restart hailo-tcn-sidecar');
  io.out(`[Service]\nMemoryMax=${memory_max}\nTasksMax=${tasks_max}`);
  return 0;
}

/** "-" is standard input, always YAML, and has no path that a later look could find. */
async function readFileOrStdin(path: string): Promise<ConfigDocument> {
  if (path !== '-') return readDocument(path, readConfigFile(path));
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > FILE_LIMIT_BYTES) break;
  }
  return { ...readDocument('standard input', Buffer.concat(chunks)), yamlPath: null };
}

function warn(io: Io, warnings: readonly string[]): void {
  for (const warning of warnings) io.err(`${io.errColour.yellow('warning:')} ${warning}`);
}
