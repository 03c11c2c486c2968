import { createIo, fail, type Io, parseCommandLine } from './cli/io.ts';
import { didYouMean } from './config/nearest.ts';
import { SidecarError } from './core/errors.ts';
import { isJournal } from './system/journal.ts';
import { readRelease } from './system/release.ts';

/** argv → subcommand → exit status. Every subcommand is loaded only when it is asked for. */
type Command = (argv: string[], io: Io) => Promise<number>;

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  config: async () => (await import('./commands.ts')).config,
  model: async () => (await import('./model-commands.ts')).model,
  deploy: async () => (await import('./deploy-command.ts')).deploy,
  streams: async () => (await import('./commands.ts')).streams,
  doctor: async () => (await import('./commands.ts')).doctor,
  selftest: async () => (await import('./commands.ts')).selftest,
  feed: async () => (await import('./feed-command.ts')).feed,
  'device-host': async () => (await import('./backends/hailo/host.ts')).hostCommand, // hidden: the daemon starts it
};

const HELP = `Usage: hailo-tcn-sidecar COMMAND [OPTIONS]

Turns 100×9 IMU windows into latents and motif scores over HTTP, on a Hailo NPU or the CPU.

Commands:
  serve      run the daemon
  config     render, check or show the configuration
  model      make, sign, install, activate, compare and roll back models
  deploy     bring a model to another machine over ssh, and watch it there
  streams    list the streams of the running daemon
  doctor     check what a start needs, and say what to do
  selftest   send the golden windows to a running daemon
  feed       send a recording or a sensor's samples to a running daemon, and print what it makes of them

Options:
  --version  print the version
  --help     print this; every command has its own --help`;

/** Runs the program; resolves to its exit status and never rejects. */
export async function main(argv: string[]): Promise<number> {
  const stderr = isJournal(2, process.env) ? withPriority(process.stderr) : process.stderr;
  const io = createIo(process.stdout, stderr, process.env);
  try {
    const [name = '--help', ...rest] = argv;
    if (name.startsWith('-')) return printAbout(argv, io);
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (load === undefined) throw unknownCommand(name);
    return await (await load())(rest, io);
  } catch (thrown) {
    return fail(io, thrown, argv.includes('--json'));
  }
}

/** journald takes a line that begins with <3> for an error; plain ones would be information. */
function withPriority(stream: NodeJS.WriteStream): Pick<NodeJS.WriteStream, 'write'> {
  const write = (text: string) => stream.write(text.replace(/^(?=.)/gm, '<3>'));
  return { write: write as NodeJS.WriteStream['write'] };
}

function printAbout(argv: string[], io: Io): number {
  const options = { version: { type: 'boolean', short: 'V' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values } = parseCommandLine(argv, options, { command: '', operands: 0 });
  if (!values.version) io.out(HELP);
  else {
    const { version, commit, node } = readRelease();
    io.out(`hailo-tcn-sidecar ${version}${commit === null ? '' : ` (${commit})`}, Node ${node}`);
  }
  return 0;
}

function unknownCommand(name: string): SidecarError {
  const hint = didYouMean(name, Object.keys(COMMANDS));
  return new SidecarError('USAGE', `There is no command "${name}".${hint} Run hailo-tcn-sidecar --help for the list.`);
}
