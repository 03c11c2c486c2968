import { closeSync, openSync } from 'node:fs';
import { type Io, parseCommandLine } from './cli/io.ts';
import { createExpectedVersion } from './config/expected-version.ts';
import { type ConfigSource, type LoadedConfig, loadConfig } from './config/load.ts';
import { reloadConfig } from './config/reload.ts';
import { messageOf, SidecarError, toSidecarError } from './core/errors.ts';
import { MESSAGE_IDS } from './core/message-ids.ts';
import { inTime } from './core/timer.ts';
import { type Daemon, start } from './daemon.ts';
import { createLog, type DaemonLog, FORMATS, type LogFormat } from './observe/log.ts';
import { isJournal, openJournal, tellJournal } from './system/journal.ts';
import { createNotify, type Notify } from './system/notify.ts';
import { readRelease } from './system/release.ts';
import { mayRestartFor } from './system/restart-once.ts';

const HELP = `Usage: hailo-tcn-sidecar serve [--config FILE] [--format FORMAT]

Runs the daemon in the foreground until SIGTERM or SIGINT; requests in flight are answered first.
SIGHUP reads the configuration again.

--config FILE     the rendered JSON or a YAML file; without it the default places, see "config --help"
--format FORMAT   of the log: ${FORMATS.join(', ')}; wins over logging.format`;

const OPTIONS = {
  config: { type: 'string' },
  format: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `serve`: the process around the daemon. Signals in, exit status out. */
export async function serveCommand(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommandLine(argv, OPTIONS, { command: 'serve', operands: 0 });
  if (values.help) {
    io.out(HELP);
    return 0;
  }
  const source = { path: values.config ?? null, env: process.env };
  const notify = await createNotify(process.env, process.pid);
  const loaded = await loadOrTell(source, notify);
  process.title = 'hailo-tcn-sidecar'; // else tools that list processes call it MainThread
  const { level, format } = loaded.config.logging;
  const journal = isJournal(1, process.env) ? await openJournal() : null;
  const log = createLog({
    level,
    format: values.format === undefined ? format : toFormat(values.format),
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
    ...(journal && { journal }),
  });
  let inForce = loaded;
  const expectedVersion = createExpectedVersion({ yamlPath: () => inForce.yamlPath, env: process.env });
  const readAgain = (current: LoadedConfig) => {
    const reload = reloadConfig(current, source);
    inForce = reload.loaded;
    return reload;
  };
  try {
    return await run({ loaded, readAgain, expectedVersion, log, notify });
  } finally {
    await log.close();
  }
}

/** Without a configuration there is no log yet; the service manager is told, and main prints the sentence. */
async function loadOrTell(source: ConfigSource, notify: Notify): Promise<LoadedConfig> {
  try {
    return loadConfig(source);
  } catch (thrown) {
    const text = `Cannot start: ${messageOf(thrown)}`;
    notify.sendStatus(text);
    await tellJournal(MESSAGE_IDS.startFailed, text, process.env);
    throw thrown;
  }
}

function toFormat(name: string): LogFormat {
  const format = FORMATS.find((known) => known === name);
  if (format !== undefined) return format;
  throw new SidecarError('USAGE', `serve: --format is one of ${FORMATS.join(', ')}, not "${name}".`);
}

interface RunParts {
  readonly loaded: LoadedConfig;
  readonly log: DaemonLog;
  readonly notify: Notify;
  readAgain(current: LoadedConfig): ReturnType<typeof reloadConfig>;
  expectedVersion(): string | null;
}

/** From start to stop; resolves to the exit status. A start that fails ends with its one sentence in the log. */
async function run(parts: RunParts): Promise<number> {
  let daemon: Daemon | null = null;
  const stale = Promise.withResolvers<SidecarError>();
  const onStale = (why: string, node: string) => {
    if (!mayRestartFor(node, process.env)) return; // the CPU goes on, and the device's state tells why
    parts.log.error({}, `${why} Ending, so that systemd does.`);
    stale.resolve(new SidecarError('DEVICE_STALE', why));
  };
  const onAbandon = (undo: () => Promise<void>) => {
    abandon = undo;
  };
  const stopAsked = untilSignal(parts.log, () => daemon?.hurry());
  process.on('SIGHUP', () => (hasLostTerminal() ? process.kill(process.pid, 'SIGTERM') : daemon?.reload()));
  let abandon = async () => {};
  void stopAsked.then(() => daemon ?? giveUp(parts.log, abandon));
  try {
    daemon = await start({ ...parts, clock: () => performance.now(), release: readRelease(), onStale, onAbandon });
  } catch (thrown) {
    const error = toSidecarError(thrown);
    const fields = { message_id: MESSAGE_IDS.startFailed, ...(error.code === 'INTERNAL' && { err: error.cause }) };
    parts.log.error(fields, `Cannot start: ${error.message}`);
    parts.notify.sendStatus(`Cannot start: ${error.message}`);
    return error.rule.exit;
  }
  const cause = await Promise.race([stopAsked, stale.promise]);
  const status = await stop(daemon, parts.log);
  return cause instanceof SidecarError ? cause.rule.exit : status;
}

const wasOnTerminal = process.stdin.isTTY === true;

/** A terminal that was closed says so by SIGHUP, too: then nobody is there any more, and a reload is not what is meant. */
function hasLostTerminal(): boolean {
  if (!wasOnTerminal) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

/** Nothing has been let in yet, so there is nothing to answer, and a start that hangs could not be stopped otherwise. */
function giveUp(log: DaemonLog, abandon: () => Promise<void>): void {
  log.info({ message_id: MESSAGE_IDS.stopped }, 'stopped before it served');
  const undone = inTime(abandon(), ABANDON_MS).catch(() => {});
  void undone.then(() => log.close()).then(() => process.exit(0));
}

const ABANDON_MS = 1000;

async function stop(daemon: Daemon, log: DaemonLog): Promise<number> {
  try {
    await daemon.stop();
    log.info({ message_id: MESSAGE_IDS.stopped }, 'stopped');
    return 0;
  } catch (thrown) {
    log.error({ message_id: MESSAGE_IDS.stopped }, `Stopped, but not cleanly: ${messageOf(thrown)}`);
    return toSidecarError(thrown).rule.exit;
  }
}

/** Resolves at the first SIGTERM or SIGINT; later ones end the drain's delay, and change no more: its timeout is short. */
function untilSignal(log: DaemonLog, onAgain: () => void): Promise<void> {
  let isFirst = true;
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        log.info({ message_id: MESSAGE_IDS.stopping }, `${signal}: stopping`);
        if (isFirst) resolve();
        else onAgain();
        isFirst = false;
      });
    }
  });
}
