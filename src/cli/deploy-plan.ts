import { resolve } from 'node:path';
import { SidecarError } from '../core/errors.ts';
import { FLAG, HELP_FLAG, parseCommandLine, TEXT } from './io.ts';

export const DEPLOY_HELP = `Usage: hailo-tcn-sidecar deploy [USER@]HOST FILE [OPTIONS]
       hailo-tcn-sidecar deploy [USER@]HOST --rollback [OPTIONS]

Brings a model (FILE, made by "model pack") to another machine over ssh: checks, copies, installs and activates it, and
waits until its probation is over. When anything fails, the model from before serves on, and the exit status is not 0.

Options:
  --dry-run         make all checks and change nothing there
  --rollback        take the machine back to the model before
  --no-wait         be content when the model is active; its probation goes on without an audience
  --timeout S       seconds to wait for the end of the probation (default: what it lasts, and a minute)
  --port N          port of the ssh server
  --identity FILE   private key to log in with
  --ssh-option OPT  handed to ssh and scp as "-o OPT"; may be repeated
  --json            one JSON document with every step instead of lines

It never asks for anything: the host's key must be known, the login must need no password, and there the user must be
root or "sudo -n" must work.`;

/** What the command line asks for. */
export interface DeployPlan {
  readonly target: Target;
  /** Absolute path; null with --rollback. */
  readonly file: string | null;
  readonly isDryRun: boolean;
  readonly isAwaited: boolean;
  /** null: as long as the probation lasts, and a minute. */
  readonly timeoutMs: number | null;
  readonly isJson: boolean;
}

/** Whom ssh and scp connect to. */
export interface Target {
  readonly user: string | null;
  readonly host: string;
  readonly port: number | null;
  readonly identity: string | null;
  readonly sshOptions: readonly string[];
}

const OPTIONS = {
  port: TEXT,
  identity: TEXT,
  timeout: TEXT,
  'ssh-option': { type: 'string', multiple: true },
  'dry-run': FLAG,
  rollback: FLAG,
  'no-wait': FLAG,
  json: FLAG,
  help: HELP_FLAG,
} as const;

/** The plan of a command line; null when it asks for help. Throws USAGE. */
export function toDeployPlan(argv: readonly string[]): DeployPlan | null {
  const { values, positionals } = parseCommandLine(argv, OPTIONS, { command: 'deploy', operands: 2 });
  if (values.help) return null;
  const [destination, file] = positionals;
  if (destination === undefined) throw usage('name the machine, as USER@HOST');
  if (values.rollback && file !== undefined) throw usage('--rollback takes no FILE');
  if (!values.rollback && file === undefined) throw usage('name the FILE to deploy');
  return {
    target: {
      ...toLogin(destination),
      port: values.port === undefined ? null : toNumber('--port', values.port, 65_535),
      identity: toIdentity(values.identity),
      sshOptions: (values['ssh-option'] ?? []).map(toSshOption),
    },
    file: file === undefined ? null : resolve(file), // absolute: scp takes "a:b" for a host, and "-x" for an option
    isDryRun: values['dry-run'] === true,
    isAwaited: values['no-wait'] !== true,
    timeoutMs: values.timeout === undefined ? null : toNumber('--timeout', values.timeout, 1_000_000) * 1000,
    isJson: values.json === true,
  };
}

/** Nothing in a name may reach ssh as an option, or a shell as anything but a name. */
function toLogin(destination: string): { user: string | null; host: string } {
  const at = destination.lastIndexOf('@');
  const user = at < 0 ? null : destination.slice(0, at);
  const host = destination.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
  if (user !== null && !/^[A-Za-z0-9_][\w.+@-]*$/.test(user)) throw usage(`"${user}" is no name of a user`);
  if (!/^[A-Za-z0-9_:][\w.:%-]*$/.test(host)) throw usage(`"${host}" is no name of a machine`);
  return { user, host };
}

function toNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw usage(`${option} takes a whole number from 1 to ${max}, not "${text}"`);
}

function toIdentity(file: string | undefined): string | null {
  if (file === '') throw usage('--identity takes the name of a file');
  return file === undefined ? null : resolve(file);
}

function toSshOption(option: string): string {
  if (/^[A-Za-z]+[ =]/.test(option)) return option;
  throw usage(`--ssh-option takes NAME=VALUE as in ssh_config, not "${option}"`);
}

function usage(what: string): SidecarError {
  return new SidecarError('USAGE', `deploy: ${what}. See "hailo-tcn-sidecar deploy --help".`);
}
