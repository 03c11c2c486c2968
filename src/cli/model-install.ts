import { SidecarError } from '../core/errors.ts';
import type { Members } from '../models/bundle-file/members.ts';
import type { Installed } from '../models/store/store-install.ts';
import { FLAG, HELP_FLAG, type Io, parseCommandLine, TEXT } from './io.ts';
import { requireOperand, type StoreDeps, showBytes } from './store-deps.ts';

export const INSTALL_HELP = `  install FILE|DIR|https://URL [--sha256 HEX] [--json]
                    put a model into the store: whole, verified and signed as model.trusted_keys asks, or not at all`;

/** Where a model comes from. */
export interface InstallSource {
  members: Members;
  /** Where unsigned bundles may come from is another question than where they may not. */
  readonly origin: 'local' | 'remote';
  close?(): Promise<void>;
}

export interface InstallDeps extends StoreDeps {
  /**
   * Opens a file or directory, as the user who called. With a sha256, a file; reading the last of its members throws
   * MODEL_INVALID when it has another one.
   */
  openLocal(path: string, sha256: string | null): Promise<InstallSource>;
  /** Downloads; resumes where it was cut off. */
  download(
    url: string,
    sha256: string | null,
    onProgress: (bytes: number, total: number | null) => void,
  ): Promise<InstallSource>;
  install(
    source: InstallSource,
  ): Promise<Pick<Installed<unknown>, 'ref' | 'bytes' | 'alreadyThere' | 'directory' | 'repaired'>>;
}

export async function installCommand(argv: readonly string[], io: Io, deps: InstallDeps): Promise<number> {
  const options = { sha256: TEXT, json: FLAG, help: HELP_FLAG };
  const { values, positionals } = parseCommandLine(argv, options, { command: 'model', operands: 1 });
  if (values.help) {
    io.out(INSTALL_HELP);
    return 0;
  }
  const from = requireOperand(positionals[0], 'install', 'a .tcnmodel file, a bundle directory or an https URL');
  const source = await open(from, toSha256(values.sha256), io, deps);
  try {
    const { ref, bytes, alreadyThere, directory, repaired } = await deps.install(source);
    if (values.json)
      io.out(JSON.stringify({ ok: true, model: ref, alreadyThere, repaired, bytes, directory }, null, 2));
    else print(io, ref, `${showBytes(bytes)} in ${directory}`, alreadyThere, repaired);
    return 0;
  } finally {
    await source.close?.();
  }
}

function print(io: Io, ref: string, where: string, alreadyThere: boolean, repaired: boolean): void {
  const what = repaired
    ? 'was damaged, and is whole again'
    : alreadyThere
      ? 'was there already, the same'
      : 'is installed';
  io.out(`${io.colour.green('✓')} ${ref} ${what}: ${where}`);
  io.out(`  Let it serve with: sudo hailo-tcn-sidecar model activate ${ref}`);
}

async function open(from: string, sha256: string | null, io: Io, deps: InstallDeps): Promise<InstallSource> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(from)) return deps.download(from, sha256, progress(io));
  return deps.openLocal(from, sha256);
}

function progress(io: Io): (bytes: number, total: number | null) => void {
  let shown = -1;
  return (bytes, total) => {
    if (!io.isTerminal || total === null) return;
    const tenth = Math.floor((bytes / total) * 10);
    if (tenth === shown) return;
    shown = tenth;
    io.err(io.errColour.dim(`${tenth * 10} % of ${showBytes(total)}`));
  };
}

function toSha256(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new SidecarError('USAGE', `model install: --sha256 takes 64 hexadecimal digits, not "${text}".`);
}
