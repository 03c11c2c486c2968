import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { type DeployDeps, deployCommand } from '../../src/cli/deploy.ts';
import { createIo } from '../../src/cli/io.ts';
import { freePort } from '../e2e/launch.ts';

const SSHD = '/usr/sbin/sshd';
const SFTP_SERVER = '/usr/lib/openssh/sftp-server';
const FAKES = new URL('.', import.meta.url).pathname;
const TOOLS = ['hailo-tcn-sidecar', 'sudo', 'systemctl', 'id', 'df', 'mktemp', 'sha256sum', 'rm'];

/** Why the tests of deploy cannot run here; false when they can. */
export const skipDeploy: string | false = toSkip();

function toSkip(): string | false {
  const missing = [SSHD, SFTP_SERVER, '/usr/bin/ssh', '/usr/bin/scp'].find((file) => !existsSync(file));
  if (missing !== undefined) return `${missing} is not here: apt-get install openssh-server openssh-client`;
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // a service's start would make it
  return false;
}

export interface Answer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A real sshd on loopback, with a scripted machine behind it. */
export interface Box {
  readonly folder: string;
  /** user@127.0.0.1, and the options that let one in. */
  readonly login: string;
  readonly options: readonly string[];
  /** Of these: go through a connection that is open already, which is faster. */
  readonly shared: readonly string[];
  /** Where the machine's temporary files go. */
  readonly tmp: string;
  /** Sets a file of the script, see remote-sidecar. */
  set(name: string, content: string): void;
  get(name: string): string;
  has(name: string): boolean;
  /** Everything as at the start: imu@1 serves, imu@0 was before. */
  reset(): void;
  /** The one key that the machine accepts from now on: "client", or "stranger", which nobody has. */
  authorise(name: string): void;
  /** What is left in the directory for temporary files. */
  leftovers(): string[];
  deploy(argv: readonly string[], deps?: Partial<DeployDeps>): Promise<Answer>;
  /** With connections of its own; the first value of an option counts, so argv wins over what lets one in. */
  deployAlone(argv: readonly string[], deps?: Partial<DeployDeps>): Promise<Answer>;
}

export async function startBox(t: Test): Promise<Box> {
  const folder = mkdtempSync(join(tmpdir(), 'box-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const state = join(folder, 'state');
  const tmp = join(folder, 'tmp');
  for (const name of ['bin', 'tmp']) mkdirSync(join(folder, name));
  for (const tool of TOOLS) symlinkSync(join(FAKES, 'remote-sidecar'), join(folder, 'bin', tool));
  const port = await freePort();
  writeKeys(folder, port);
  await startSshd(t, folder, port);
  const options = [
    ...['--port', `${port}`, '--identity', join(folder, 'client')],
    ...['--ssh-option', `UserKnownHostsFile=${join(folder, 'known')}`],
    ...['--ssh-option', 'GlobalKnownHostsFile=/dev/null'],
  ];
  const login = `${userInfo().username}@127.0.0.1`;
  await shareConnection(t, folder, ['-p', `${port}`, '-i', join(folder, 'client'), login]);
  const box: Box = {
    folder,
    tmp,
    login,
    options,
    shared: ['--ssh-option', `ControlPath=${join(folder, 'shared')}`],
    set: (name, content) => writeFileSync(join(state, name), content),
    get: (name) => (existsSync(join(state, name)) ? readFileSync(join(state, name), 'utf8') : ''),
    has: (name) => existsSync(join(state, name)),
    reset: () => {
      rmSync(state, { recursive: true, force: true });
      mkdirSync(state);
      box.set('active', 'imu@1');
      box.set('previous', 'imu@0');
    },
    authorise: (name) => copyFileSync(join(folder, `${name}.pub`), join(folder, 'authorized')),
    leftovers: () => readdirSync(tmp),
    deploy: (argv, deps) => deploy([login, ...options, ...box.shared, ...argv], deps),
    deployAlone: (argv, deps) => deploy([login, ...argv, ...options], deps),
  };
  box.reset();
  return box;
}

async function deploy(argv: readonly string[], deps: Partial<DeployDeps> = {}): Promise<Answer> {
  const out: string[] = [];
  const err: string[] = [];
  const io = createIo({ write: (text: string) => out.push(text) }, { write: (text: string) => err.push(text) }, {});
  const status = await deployCommand(argv, io, {
    verify: async () => ({ model: 'imu@2', text: 'signed by test' }),
    env: { PATH: '/usr/bin:/bin' },
    signal: new AbortController().signal,
    clock: () => performance.now(),
    pauseMs: 20,
    ...deps,
  });
  return { status, out: out.join(''), err: err.join('') };
}

function writeKeys(folder: string, port: number): void {
  for (const name of ['host', 'client', 'stranger'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  const publicKey = (name: string) => readFileSync(join(folder, `${name}.pub`), 'utf8');
  writeFileSync(join(folder, 'authorized'), publicKey('client'));
  writeFileSync(join(folder, 'known'), `[127.0.0.1]:${port} ${publicKey('host')}`);
  writeFileSync(join(folder, 'known-other'), `[127.0.0.1]:${port} ${publicKey('stranger')}`);
}

async function startSshd(t: Test, folder: string, port: number): Promise<void> {
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    'PidFile none',
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'MaxStartups 100',
    `Subsystem sftp ${join(FAKES, 'remote-sftp')}`,
    // SHLVL keeps bash from reading the user's ~/.bashrc, which may take its time and change PATH.
    `SetEnv SHLVL=1 PATH=${join(folder, 'bin')}:/usr/bin:/bin BOX=${join(folder, 'state')} TMPDIR=${join(folder, 'tmp')}`,
  ];
  writeFileSync(join(folder, 'sshd_config'), `${config.join('\n')}\n`);
  const child = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => end(child));
  const lines: string[] = [];
  const listening = Promise.withResolvers<void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (line.includes('Server listening')) listening.resolve();
  });
  child.once('exit', () => listening.reject(new Error(`sshd ended: ${lines.join('; ')}`)));
  await listening.promise;
}

async function shareConnection(t: Test, folder: string, login: readonly string[]): Promise<void> {
  const options = [
    'BatchMode=yes',
    `UserKnownHostsFile=${join(folder, 'known')}`,
    `ControlPath=${join(folder, 'shared')}`,
  ];
  const args = ['-v', '-M', '-N', ...options.flatMap((option) => ['-o', option]), ...login];
  const child = spawn('ssh', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => end(child));
  const lines = createInterface({ input: child.stderr });
  const ready = Promise.withResolvers<void>();
  lines.on('line', (line) => line.includes('Entering interactive session') && ready.resolve());
  child.once('exit', () => ready.reject(new Error('the shared connection ended')));
  await ready.promise;
}

/** What it has started may hold its pipe a little longer; that must not keep the test from ending. */
function end(child: ChildProcess): void {
  child.kill();
  child.stderr?.destroy();
  child.unref();
}
