import type { Static, TSchema } from 'typebox';
import { SidecarError } from '../core/errors.ts';
import { quoteWord, toCommandLine, toPlain } from './deploy-quote.ts';
import { ActivateReply, InstallReply, ListReply, parseReply, RollbackReply, toFailure } from './deploy-replies.ts';
import type { Outcome, RunOptions, Ssh } from './deploy-ssh.ts';

const PROGRAM = 'hailo-tcn-sidecar';
const NOT_FOUND = 127;
const INSTALL_TIMEOUT_MS = 600_000;
/** A line slower than this is no line to deploy over. */
const COPY_BYTES_PER_MS = 10;
const COPY_TIMEOUT_MS = 60_000;
const ACTIVATE_TIMEOUT_MS = 1_800_000;

/** The other machine, as deploy talks to it. Everything throws ConnectionLost, Interrupted, or a reason in words. */
export interface Remote {
  readonly destination: string;
  connect(): Promise<void>;
  /** What "--version" prints. */
  version(): Promise<string>;
  /** Finds out how to be root; resolves with how. Before it, no model command works. */
  becomeRoot(): Promise<string>;
  /** What systemd says of the service; null when there is no systemd. */
  serviceState(): Promise<string | null>;
  /** Bytes free where temporary files go; null when it cannot be told. */
  freeBytes(): Promise<number | null>;
  makeFolder(): Promise<string>;
  removeFolder(folder: string): Promise<void>;
  copy(from: string, to: string, bytes: number): Promise<void>;
  /** Lower-case hex. */
  sha256(path: string): Promise<string>;
  install(path: string): Promise<Static<typeof InstallReply>>;
  activate(ref: string): Promise<ActivateReply>;
  rollback(): Promise<Static<typeof RollbackReply>>;
  /** `isKept`: asked also after ^C. */
  list(options?: RunOptions): Promise<ListReply>;
}

export function createRemote(ssh: Ssh): Remote {
  let prefix: readonly string[] = [];
  const must = async (commandLine: string, options?: RunOptions) => {
    const outcome = await ssh.run(commandLine, options);
    if (outcome.status === 0) return outcome.stdout.trim();
    throw toFailure(outcome);
  };
  const model = async <T extends TSchema>(schema: T, words: readonly string[], options?: RunOptions) =>
    parseReply(schema, await ssh.run(toCommandLine([...prefix, PROGRAM, 'model', ...words, '--json']), options));
  return {
    destination: ssh.destination,
    connect: async () => void (await must('true')),
    version: async () => readVersion(await ssh.run(toCommandLine([PROGRAM, '--version']))),
    becomeRoot: async () => {
      if ((await must('id -u')).split('\n').at(-1) === '0') return 'root';
      prefix = ['sudo', '-n'];
      requireSudo(await ssh.run(toCommandLine([...prefix, PROGRAM, 'model', 'list', '--json'])));
      return 'by sudo';
    },
    serviceState: async () => readState(await ssh.run(toCommandLine(['systemctl', 'is-active', PROGRAM]))),
    freeBytes: async () => readFreeBytes(await ssh.run(`df -Pk -- "\${TMPDIR:-/tmp}"`)),
    makeFolder: async () => readFolder(await must('mktemp -d', { isKept: true })),
    removeFolder: async (folder) => void (await must(`rm -rf -- ${quoteWord(folder)}`, { isKept: true })),
    copy: async (from, to, bytes) => {
      const outcome = await ssh.copy(from, to, COPY_TIMEOUT_MS + bytes / COPY_BYTES_PER_MS);
      if (outcome.status !== 0) throw toFailure(outcome, 'scp');
    },
    sha256: async (path) => readDigest(await must(`sha256sum -- ${quoteWord(path)}`)),
    install: (path) => model(InstallReply, ['install', path], { timeoutMs: INSTALL_TIMEOUT_MS }),
    activate: (ref) => model(ActivateReply, ['activate', ref], { timeoutMs: ACTIVATE_TIMEOUT_MS }),
    rollback: () => model(RollbackReply, ['rollback']),
    list: (options) => model(ListReply, ['list'], options),
  };
}

function readVersion(outcome: Outcome): string {
  if (outcome.status === 0) return toPlain(outcome.stdout);
  if (outcome.status !== NOT_FOUND) throw toFailure(outcome);
  throw new SidecarError('UNAVAILABLE', `${PROGRAM} is not installed there: install its package first`);
}

/** Asked by the very command that is needed later: a sudoers file may allow no other. */
function requireSudo(outcome: Outcome): void {
  const said = toPlain(outcome.stderr);
  if (outcome.status === 0 || !(outcome.status === NOT_FOUND || /sudo[:\]]|password/i.test(said))) return;
  throw new SidecarError(
    'FORBIDDEN',
    `the user there is not root, and "sudo -n ${PROGRAM}" does not work (it said: ${said}): log in as root, or allow it without a password in sudoers`,
  );
}

const STATES = new Set(['active', 'reloading', 'inactive', 'failed', 'activating', 'deactivating', 'maintenance']);

function readState({ stdout }: Outcome): string | null {
  const state = stdout.trim().split('\n').at(-1) ?? '';
  return STATES.has(state) ? state : null;
}

function readFreeBytes({ status, stdout }: Outcome): number | null {
  const kilobytes = /\s(\d+)\s+\d+%\s\S*$/.exec(stdout.trim())?.[1];
  return status !== 0 || kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** It is removed with all that is in it later, so it must be just what mktemp makes. */
function readFolder(stdout: string): string {
  const folder = stdout.split('\n').at(-1) ?? '';
  if (/^(\/[\w.+-]+){2,}$/.test(folder) && !folder.split('/').includes('..')) return folder;
  throw new SidecarError('UNAVAILABLE', `mktemp named a directory that is not used: "${toPlain(folder)}"`);
}

function readDigest(stdout: string): string {
  const digest = /^\\?([0-9a-f]{64})\s/m.exec(stdout)?.[1];
  if (digest !== undefined) return digest;
  throw new SidecarError('UNAVAILABLE', `sha256sum gave no digest: ${toPlain(stdout)}`);
}
