import { didYouMean } from '../config/nearest.ts';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import { artefactOf, type Bundle } from '../models/bundle.ts';
import type { CreateOptions } from '../models/create.ts';
import type { GoldenFigures } from '../models/golden.ts';
import { FLAG, fail, HELP_FLAG, type Io, parseCommandLine, TEXT, toTable } from './io.ts';
import {
  ACTIVATE_HELP,
  type ActivateDeps,
  activateCommand,
  confirmCommand,
  rollbackCommand,
} from './model-activate.ts';
import { CANDIDATE_HELP, candidateCommand, compareCommand, promoteCommand } from './model-candidate.ts';
import { FIT_MOTIFS_HELP, type FitMotifsDeps, fitMotifsCommand } from './model-fit-motifs.ts';
import { INSTALL_HELP, type InstallDeps, installCommand } from './model-install.ts';
import { gcCommand, LIST_HELP, listCommand, removeCommand } from './model-list.ts';
import { PACK_HELP, type PackDeps, packCommand } from './model-pack.ts';
import { keygenCommand, SIGN_HELP, signCommand } from './model-sign.ts';
import { VERIFY_HELP, type VerifyDeps, verifyCommand } from './model-verify.ts';
import { tellNextSteps } from './store-deps.ts';

const HELP = `Usage: hailo-tcn-sidecar model COMMAND [OPTIONS]

Make a bundle:
  create --onnx FILE --config model_config.json --out DIR
         [--hef FILE] [--motifs FILE] [--name NAME] [--bundle-version VERSION] [--force]
                    make a bundle; the model is run once to write its golden windows
${FIT_MOTIFS_HELP}
  inspect [DIR|NAME@VERSION] [--json]
                    verify a bundle's digests, run its golden windows and show what it is; the configured one by default;
                    active, previous, candidate and packaged are names of the store's models, too

Make one file of it:
${PACK_HELP}
${SIGN_HELP}
${VERIFY_HELP}

In the store (model.store, by default /var/lib/hailo-tcn-sidecar/models):
${INSTALL_HELP}
${LIST_HELP}

In the running daemon:
${ACTIVATE_HELP}
${CANDIDATE_HELP}

Commands that change the store or the daemon need sudo. --config FILE, before COMMAND, names another configuration.`;

export interface ModelDeps {
  defaultBundle(): string;
  /** The bundle of a directory, NAME@VERSION of the store, or a role there; verified. */
  load(from: string): Promise<Bundle>;
  create(options: CreateOptions): Promise<Bundle>;
  /** Runs the golden windows on the CPU. */
  check(bundle: Bundle): Promise<GoldenFigures | null>;
  readonly pack: PackDeps;
  readonly verify: VerifyDeps;
  readonly fitMotifs: FitMotifsDeps;
  /** Made only for the commands that need it. */
  store(): ActivateDeps & InstallDeps;
}

type Command = (argv: readonly string[], io: Io, deps: ModelDeps) => Promise<number>;

const ofStore =
  (run: (argv: readonly string[], io: Io, deps: ActivateDeps & InstallDeps) => Promise<number>): Command =>
  (argv, io, deps) =>
    run(argv, io, deps.store());

const COMMANDS: Readonly<Record<string, Command>> = {
  create,
  inspect,
  'fit-motifs': (argv, io, deps) => fitMotifsCommand(argv, io, deps.fitMotifs),
  pack: (argv, io, deps) => packCommand(argv, io, deps.pack),
  keygen: keygenCommand,
  sign: signCommand,
  verify: (argv, io, deps) => verifyCommand(argv, io, deps.verify),
  install: ofStore(installCommand),
  list: ofStore(listCommand),
  remove: ofStore(removeCommand),
  gc: ofStore(gcCommand),
  activate: ofStore(activateCommand),
  confirm: ofStore(confirmCommand),
  rollback: ofStore(rollbackCommand),
  candidate: ofStore(candidateCommand),
  compare: ofStore(compareCommand),
  promote: ofStore(promoteCommand),
};

/** `hailo-tcn-sidecar model …`; resolves to the exit status. */
export async function modelCommand(argv: readonly string[], io: Io, deps: ModelDeps): Promise<number> {
  const [command, ...rest] = argv;
  if (command === undefined || command === '--help' || command === '-h') {
    io.out(HELP);
    return 0;
  }
  const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (run !== undefined) return run(rest, io, deps);
  const near = didYouMean(command, Object.keys(COMMANDS));
  throw new SidecarError(
    'USAGE',
    `model: there is no command "${command}".${near} See "hailo-tcn-sidecar model --help".`,
  );
}

async function create(argv: readonly string[], io: Io, deps: ModelDeps): Promise<number> {
  const options = {
    onnx: TEXT,
    config: TEXT,
    out: TEXT,
    hef: TEXT,
    motifs: TEXT,
    name: TEXT,
    'bundle-version': TEXT,
    force: FLAG,
    help: HELP_FLAG,
  };
  const { values } = parseCommandLine(argv, options, { command: 'model', operands: 0 });
  if (values.help) {
    io.out(HELP);
    return 0;
  }
  const files = {
    onnx: required('onnx', values.onnx),
    config: required('config', values.config),
    out: required('out', values.out),
  };
  if (io.isTerminal) io.err(io.errColour.dim('Running the model to write its golden windows …'));
  const bundle = await deps.create({
    ...files,
    hef: values.hef ?? null,
    motifs: values.motifs ?? null,
    name: values.name ?? null,
    version: values['bundle-version'] ?? null,
    replace: values.force === true,
  });
  const { manifest } = bundle;
  io.out(
    `${io.colour.green('✓')} ${manifest.name}@${manifest.version} in ${bundle.directory}, ${bundle.golden.windows.length} golden windows`,
  );
  if (manifest.motifs.head === null) {
    io.out('  It has no motif scores: /encode will answer, /infer will not, unless a head is given with --motifs');
    io.out('  or inference.allow_uncalibrated_motifs is on.');
  }
  tellNextSteps(io, bundle.directory);
  return 0;
}

function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new SidecarError('USAGE', `model create needs --${name}. See "hailo-tcn-sidecar model --help".`);
}

async function inspect(argv: readonly string[], io: Io, deps: ModelDeps): Promise<number> {
  const { values, positionals } = parseCommandLine(
    argv,
    { json: FLAG, help: HELP_FLAG },
    { command: 'model', operands: 1 },
  );
  if (values.help) {
    io.out(HELP);
    return 0;
  }
  const bundle = await deps.load(positionals[0] ?? deps.defaultBundle());
  try {
    const figures = artefactOf(bundle, 'onnx') === null ? null : await deps.check(bundle);
    if (values.json) io.out(JSON.stringify({ ok: true, ...toFacts(bundle), golden: figures }, null, 2));
    else print(io, bundle, figures);
    return 0;
  } catch (thrown) {
    if (values.json) io.out(JSON.stringify({ ok: false, ...toFacts(bundle), error: messageOf(thrown) }, null, 2));
    else print(io, bundle, null);
    return fail(io, thrown);
  }
}

function toFacts({ directory, manifest, artefacts }: Bundle): object {
  return { directory, manifest, artefacts };
}

function print(io: Io, bundle: Bundle, figures: GoldenFigures | null): void {
  const { manifest } = bundle;
  io.out(io.colour.bold(`${manifest.name}@${manifest.version}`));
  io.out(manifest.description.trim());
  const rows = [
    ['directory', bundle.directory],
    ['task', manifest.task],
    ['input', `${manifest.input.name} [${manifest.input.shape}] at ${manifest.input.rate_hz} Hz`],
    ['latent', `${manifest.outputs.latent.name} [${manifest.outputs.latent.shape}]`],
    ['motifs', motifSentence(manifest)],
    ['accuracy', accuracySentence(manifest)],
    ['normalisation', manifest.normalisation.source],
    ...bundle.artefacts.map(({ kind, sha256 }) => [kind, `${io.colour.green('✓')} sha256 ${sha256}`]),
    ...(artefactOf(bundle, 'hef') === null ? [['hef', 'none: this bundle runs on the CPU only']] : []),
    ['licence', manifest.licence],
  ];
  for (const line of toTable(rows)) io.out(line);
  if (artefactOf(bundle, 'onnx') === null)
    io.out('  Its golden windows were not run: there is no .onnx file, which the CPU needs.');
  if (figures === null) return;
  const verdict = `cosine ${figures.cosine.toFixed(7)}, largest difference ${figures.maxAbs.toExponential(1)}, ${figures.medianMs.toFixed(2)} ms each`;
  io.out(`${io.colour.green('✓')} ${figures.windows} golden windows: ${verdict}`);
}

function motifSentence({ motifs, outputs }: Manifest): string {
  if (motifs.head === null) return 'none: /encode only';
  const count = outputs.motif_scores?.shape.at(-1) ?? motifs.labels.length;
  const source = motifs.head === 'output' ? "the model's own output" : `${motifs.head.kind}, ${motifs.head.source}`;
  return `${count || 'some'} from ${source}${motifs.labels.length > 0 ? `: ${motifs.labels.join(', ')}` : ''}`;
}

function accuracySentence({ accuracy }: Manifest): string {
  if (accuracy === null) return 'not known';
  return `${(accuracy.value * 100).toFixed(2)} % on ${accuracy.dataset} (${accuracy.source})`;
}
