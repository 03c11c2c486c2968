import type { Manifest } from '../core/manifest.ts';
import { type Packed, packBundle } from '../models/bundle-file/pack.ts';
import { fail, type Io, parseCommandLine, toTable } from './io.ts';
import { operand, readPrivateKey } from './model-keys.ts';

export const PACK_HELP = `  pack DIR [--out FILE] [--key PRIVATE] [--force] [--json]
                    make one .tcnmodel file of a bundle that passes its golden windows; --key signs it`;

export interface PackDeps {
  /** Throws what keeps the bundle from being served: its files, its task, its golden windows on the CPU. */
  verify(directory: string): Promise<{ readonly manifest: Manifest }>;
}

const OPTIONS = {
  out: { type: 'string' },
  key: { type: 'string' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `model pack DIR`; resolves to the exit status. */
export async function packCommand(argv: readonly string[], io: Io, deps: PackDeps): Promise<number> {
  const { values, positionals } = parseCommandLine(argv, OPTIONS, { command: 'model', operands: 1 });
  if (values.help) {
    io.out(PACK_HELP);
    return 0;
  }
  try {
    const directory = operand('pack', positionals[0], 'a bundle directory');
    const privateKeyPem = values.key === undefined ? null : readPrivateKey(values.key, io);
    if (io.isTerminal) io.err(io.errColour.dim('Running the golden windows …'));
    const options = { verify: deps.verify, privateKeyPem, replace: values.force === true };
    const packed = await packBundle(directory, values.out ?? null, options);
    if (values.json) io.out(JSON.stringify({ ok: true, ...packed }, null, 2));
    else print(io, packed);
    return 0;
  } catch (thrown) {
    return fail(io, thrown, values.json);
  }
}

function print(io: Io, packed: Packed): void {
  io.out(`${io.colour.green('✓')} ${packed.name}@${packed.version} in ${packed.file}, ${packed.bytes} bytes`);
  const rows = [
    ['sha256', packed.sha256],
    ['files', packed.files.join(', ')],
    ...(packed.ignored.length > 0 ? [['left out', packed.ignored.join(', ')]] : []),
    ['signed by', packed.signedBy.join(', ') || 'nobody; see "model sign"'],
  ];
  for (const line of toTable(rows)) io.out(`  ${line}`);
}
