import { spawn } from 'node:child_process';
import { SidecarError } from '../core/errors.ts';
import type { Target } from './deploy-plan.ts';
import { toPlain } from './deploy-quote.ts';

/** How a remote command ended. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  /** Runs to its end whatever happens here: for what must not be left half known. */
  readonly isKept?: boolean;
}

/** The system's ssh and scp, one connection for each call. */
export interface Ssh {
  /** "user@host" or "host". */
  readonly destination: string;
  /** Runs a command line in the login shell there. Throws ConnectionLost, UNAVAILABLE (no ssh here), Interrupted. */
  run(commandLine: string, options?: RunOptions): Promise<Outcome>;
  /** Copies a local file (absolute path) to a path there; throws as run does. */
  copy(from: string, to: string, timeoutMs: number): Promise<Outcome>;
}

/** The other machine did not answer, or stopped answering: what it was told may or may not have happened. */
export class ConnectionLost extends SidecarError {}

/** Somebody pressed ^C. */
export class Interrupted extends SidecarError {}

export interface SshEnvironment {
  readonly target: Target;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by ^C. */
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
const OUTPUT_LIMIT = 1_000_000;
/** ssh's own failures; a command that itself ends with it is taken for one. */
const SSH_FAILED = 255;

export function createSsh({ target, env, signal }: SshEnvironment): Ssh {
  const destination = target.user === null ? target.host : `${target.user}@${target.host}`;
  const scpHost = destination.replace(target.host, target.host.includes(':') ? `[${target.host}]` : target.host);
  const start = (program: string, args: readonly string[], options: RunOptions) =>
    run(program, [...toArguments(target), ...args], { env, signal, ...options });
  return {
    destination,
    run: async (commandLine, options = {}) => {
      const outcome = await start('ssh', ['-T', '--', destination, commandLine], options);
      if (outcome.status === SSH_FAILED) throw new ConnectionLost('UNAVAILABLE', explain(destination, outcome.stderr));
      return outcome;
    },
    copy: (from, to, timeoutMs) => start('scp', ['-q', '--', from, `${scpHost}:${to}`], { timeoutMs }),
  };
}

/** The first value of an option counts: nothing may turn BatchMode off, the user may change the rest. */
function toArguments({ port, identity, sshOptions }: Target): string[] {
  const login = identity === null ? [] : ['-i', identity];
  const own = [
    ...(port === null ? [] : [`Port=${port}`]),
    ...(identity === null ? [] : ['IdentitiesOnly=yes']),
    'ConnectTimeout=10',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=3',
  ];
  return [...login, ...['BatchMode=yes', ...sshOptions, ...own].flatMap((option) => ['-o', option])];
}

interface Run extends RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

async function run(program: string, args: readonly string[], options: Run): Promise<Outcome> {
  const { env, signal, isKept = false, timeoutMs = TIMEOUT_MS } = options;
  if (signal.aborted && !isKept) throw interrupted();
  const ended = Promise.withResolvers<Outcome>();
  // Detached: ^C at the terminal is for us alone, who then decide what to end and what to tidy.
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const end = (error: SidecarError) => {
    ended.reject(error);
    if (child.pid !== undefined) killGroup(child.pid);
  };
  const interrupt = () => end(interrupted());
  if (!isKept) signal.addEventListener('abort', interrupt);
  const late = `${program} did not end within ${timeoutMs / 1000} s`;
  const timer = setTimeout(() => end(new ConnectionLost('UNAVAILABLE', late)), timeoutMs);
  const output = [collect(child.stdout), collect(child.stderr)] as const;
  child.once('error', (cause) => ended.reject(notThere(program, cause)));
  child.once('close', (status) =>
    ended.resolve({ status: status ?? SSH_FAILED, stdout: output[0](), stderr: output[1]() }),
  );
  try {
    return await ended.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
  }
}

/** Keeps what was said last: a reason stands at the end. */
function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-OUTPUT_LIMIT);
  });
  return () => text;
}

/** scp has an ssh of its own, which has to go along. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // it ended by itself
  }
}

function interrupted(): Interrupted {
  return new Interrupted('CLIENT_GONE', 'interrupted');
}

function notThere(program: string, cause: Error): SidecarError {
  const what = `${program} cannot be started here (${cause.message})`;
  return new SidecarError('UNAVAILABLE', `${what}: install the package openssh-client.`, { cause });
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED/i,
    'it is another machine, or was installed anew: find out which, then see "ssh-keygen -R"',
  ],
  [/host key verification failed/i, 'log in once by hand and compare the fingerprint'],
  [/permission denied/i, 'give the right user, or a key that it accepts with --identity'],
  [/could not resolve/i, 'check the name'],
  [/refused|timed out|no route|unreachable/i, 'check that it is on and that its ssh server runs'],
];

function explain(destination: string, stderr: string): string {
  const said = toPlain(stderr.trim().split('\n').slice(-3).join(' ')) || 'without a word';
  const remedy = REMEDIES.find(([pattern]) => pattern.test(stderr))?.[1] ?? 'try again';
  return `no connection to ${destination}: ${remedy} (ssh said: ${said})`;
}
