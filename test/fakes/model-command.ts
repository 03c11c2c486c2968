import type { Io } from '../../src/cli/io.ts';
import { fail } from '../../src/cli/io.ts';
import { model } from '../../src/model-commands.ts';

export interface CommandResult {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** `hailo-tcn-sidecar model --config FILE …` in this process. */
export async function runModelCommand(config: string, ...argv: string[]): Promise<CommandResult> {
  const out: string[] = [];
  const err: string[] = [];
  const plain = (text: string) => text;
  const colour = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };
  const io: Io = {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    isTerminal: false,
    colour,
    errColour: colour,
  };
  const run = () => model(['--config', config, ...argv], io);
  const status = await run().catch((thrown) => fail(io, thrown, argv.includes('--json')));
  return { status, out: out.join('\n'), err: err.join('\n') };
}

/** The same with --json, parsed. */
export async function askModelCommand(config: string, ...argv: string[]): Promise<Record<string, unknown>> {
  const { out } = await runModelCommand(config, ...argv, '--json');
  return JSON.parse(out) as Record<string, unknown>;
}
