import { messageOf, SidecarError } from '../core/errors.ts';
import { type Io, parseCommandLine } from './io.ts';

/** What one check found; `fix` is what to do next, and is there whenever something is not right. */
export interface Finding {
  /** skipped: a check before it must pass first. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly text: string;
  readonly fix?: string;
}

export interface Check {
  readonly name: string;
  run(): Finding | Promise<Finding>;
}

const HELP = `Usage: hailo-tcn-sidecar doctor [--config FILE] [--json]

Checks what a start of the daemon needs and says what to do about what is missing.
Exit status: 0 when nothing failed, 1 otherwise.`;

const MARKS = { ok: '✓', warning: '!', failed: '✗', skipped: '-' } as const;

/** Runs every check, also after a failed one. `prepare` makes the checks for the configuration named, if any. */
export async function doctorCommand(
  argv: string[],
  io: Io,
  prepare: (configPath: string | null) => readonly Check[],
): Promise<number> {
  const options = {
    config: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values } = parseCommandLine(argv, options, { command: 'doctor', operands: 0 });
  if (values.help) {
    io.out(HELP);
    return 0;
  }
  const results: (Finding & { name: string })[] = [];
  for (const check of prepare(values.config ?? null)) {
    const result = { name: check.name, ...(await finding(check)) };
    results.push(result);
    if (!values.json) print(io, result);
  }
  const isOk = results.every((result) => result.state !== 'failed');
  if (values.json) io.out(JSON.stringify({ ok: isOk, checks: results }, null, 2));
  return isOk ? 0 : 1;
}

async function finding(check: Check): Promise<Finding> {
  try {
    return await check.run();
  } catch (thrown) {
    const fix = thrown instanceof SidecarError ? undefined : 'This is unexpected: please report it with this output.';
    return { state: 'failed', text: messageOf(thrown), ...(fix && { fix }) };
  }
}

function print(io: Io, { name, state, text, fix }: Finding & { name: string }): void {
  const { green, yellow, red } = io.colour;
  const paint = { ok: green, warning: yellow, failed: red, skipped: (mark: string) => mark }[state];
  io.out(`${paint(MARKS[state])} ${name}: ${text}`);
  if (fix) io.out(`    → ${fix}`);
}
