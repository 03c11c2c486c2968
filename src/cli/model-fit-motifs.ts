import { SidecarError } from '../core/errors.ts';
import type { Bundle } from '../models/bundle.ts';
import type { ClassFit } from '../models/motifs/fit-classes.ts';
import type { FitOptions, FitProgress, FitReport } from '../models/motifs/fit-motifs.ts';
import type { PrototypeFit } from '../models/motifs/fit-prototypes.ts';
import { isLabel, LABEL_RULE } from '../models/motifs/window-lines.ts';
import { FLAG, HELP_FLAG, type Io, parseCommandLine, TEXT, toTable } from './io.ts';
import { tellNextSteps } from './store-deps.ts';

/** The lines of `model --help`. */
export const FIT_MOTIFS_HELP = `  fit-motifs --windows FILE.ndjson --out DIR [--from DIR|NAME@VERSION] [--k N|auto] [--seed N] [--labels A,B,…]
         [--name NAME] [--bundle-version VERSION] [--force] [--json]
                    make motif scores for a model that gives latents only: groups of alike windows (12 by default), or
                    the classes of labelled windows; one {"x": [[9 numbers] × 100], "label": "walk"} per line, raw
                    values, "-" for standard input; the result is a new bundle`;

export interface FitMotifsDeps {
  /** The bundle of a directory or NAME@VERSION, verified; the configured one for null. */
  load(from: string | null): Promise<Bundle>;
  fit(source: Bundle, options: FitOptions, progress: FitProgress): Promise<FitReport>;
}

const OPTIONS = {
  windows: TEXT,
  from: TEXT,
  out: TEXT,
  k: TEXT,
  seed: TEXT,
  labels: TEXT,
  name: TEXT,
  'bundle-version': TEXT,
  force: FLAG,
  json: FLAG,
  help: HELP_FLAG,
} as const;
const SEE = 'See "hailo-tcn-sidecar model --help".';
const MAX_K = 256;
const MAX_SEED = 2 ** 32 - 1;
/** A line of progress after so many windows. */
const STRIDE = 5000;

/** `hailo-tcn-sidecar model fit-motifs …`; resolves to the exit status. Throws what fitMotifs throws, and USAGE. */
export async function fitMotifsCommand(argv: readonly string[], io: Io, deps: FitMotifsDeps): Promise<number> {
  const { values } = parseCommandLine(argv, OPTIONS, { command: 'model', operands: 0 });
  if (values.help) {
    io.out(`Usage: hailo-tcn-sidecar model COMMAND [OPTIONS]\n\n${FIT_MOTIFS_HELP}`);
    return 0;
  }
  const options = toOptions(values);
  const source = await deps.load(values.from ?? null);
  const report = await deps.fit(source, options, toProgress(io));
  for (const warning of report.fit.warnings) io.err(`${io.errColour.yellow('warning:')} ${warning}`);
  if (values.json) io.out(JSON.stringify(toFacts(report), null, 2));
  else print(io, report);
  return 0;
}

type Values = ReturnType<typeof parseCommandLine<typeof OPTIONS>>['values'];

function toOptions(values: Values): FitOptions {
  const k = toK(values.k);
  const labels = toLabels(values.labels);
  if (labels !== null && k !== null && labels.length !== k) {
    const wanted = k === 'auto' ? 'with --k auto nobody knows yet how many it takes' : `--k is ${k}`;
    throw usage(`--labels has ${labels.length} names, but ${wanted}: leave one of the two out`);
  }
  return {
    windows: required('windows', values.windows),
    out: required('out', values.out),
    k,
    seed: toWhole('seed', values.seed ?? '1', 0, MAX_SEED),
    labels,
    name: values.name ?? null,
    version: values['bundle-version'] ?? null,
    replace: values.force === true,
  };
}

const usage = (sentence: string) => new SidecarError('USAGE', `model fit-motifs: ${sentence}. ${SEE}`);

function required(name: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw usage(`--${name} is needed`);
}

function toK(text: string | undefined): number | 'auto' | null {
  if (text === undefined) return null;
  return text === 'auto' ? 'auto' : toWhole('k', text, 2, MAX_K, ' or "auto"');
}

function toWhole(name: string, text: string, least: number, most: number, or = ''): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`--${name} takes a whole number from ${least} to ${most}${or}, not "${text}"`);
}

function toLabels(text: string | undefined): string[] | null {
  if (text === undefined) return null;
  const labels = text.split(',').map((label) => label.trim());
  const bad = labels.find((label) => !isLabel(label));
  if (bad !== undefined) throw usage(`--labels cannot have the name "${bad}": ${LABEL_RULE}`);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw usage(`--labels has "${twice}" twice: give every motif a name of its own`);
  if (labels.length >= 2 && labels.length <= MAX_K) return labels;
  throw usage(`--labels takes 2 to ${MAX_K} names with commas between them, not ${labels.length}`);
}

function toProgress(io: Io): FitProgress {
  if (!io.isTerminal) return {};
  const say = (text: string) => io.err(io.errColour.dim(text));
  return {
    onWindows: (count) => {
      if (count === 1) say('Computing the latents of the windows …');
      if (count % STRIDE === 0) say(`  ${count} windows`);
    },
    onFit: (count) => say(`Fitting motifs to ${count} latents …`),
  };
}

function toFacts({ bundle, windows, sha256, seed, fit }: FitReport): object {
  const { directory, manifest } = bundle;
  const { head, ...figures } = fit;
  const temperature = head.kind === 'prototypes' ? { temperature: head.temperature } : {};
  const id = { directory, name: manifest.name, version: manifest.version };
  return { ok: true, ...id, windows, sha256, seed, ...figures, ...temperature, source: sourceOf(bundle) };
}

function sourceOf({ manifest }: Bundle): string | null {
  const { head } = manifest.motifs;
  return head === null || head === 'output' ? null : head.source;
}

function print(io: Io, { bundle, windows, fit }: FitReport): void {
  const { manifest, directory } = bundle;
  io.out(
    `${io.colour.green('✓')} ${manifest.name}@${manifest.version} in ${directory}, ${fit.motifs.length} motifs from ${windows} windows`,
  );
  for (const line of toTable(fit.kind === 'prototypes' ? prototypeRows(fit) : classRows(fit))) io.out(`  ${line}`);
  for (const line of fit.kind === 'prototypes' ? prototypeLines(fit) : classLines(fit)) io.out(`  ${line}`);
  tellNextSteps(io, directory);
}

function prototypeRows({ motifs }: PrototypeFit): string[][] {
  const rows = motifs.map(({ label, windows, silhouette }) => [label, `${windows}`, silhouette.toFixed(3)]);
  return [['motif', 'windows', 'silhouette'], ...rows];
}

function prototypeLines({ silhouette, head, medianTopScore, tried }: PrototypeFit): string[] {
  const lines = [
    `silhouette ${silhouette.toFixed(3)} by cosine distance, over all windows (1 far apart, 0 no border, below 0 mixed up)`,
    `temperature ${head.temperature}: half of the windows have a top score above ${medianTopScore.toFixed(2)}`,
  ];
  if (tried.length === 0) return lines;
  return [`silhouette by k: ${tried.map((one) => `${one.k}: ${one.silhouette.toFixed(3)}`).join(', ')}`, ...lines];
}

function classRows({ motifs }: ClassFit): string[][] {
  const rows = motifs.map(({ label, windows, heldOut, right }) => [label, `${windows}`, `${right} of ${heldOut}`]);
  return [['class', 'windows', 'held out, named rightly'], ...rows];
}

function classLines({ accuracy, baseline, heldOut }: ClassFit): string[] {
  if (accuracy === null || baseline === null) return [];
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return [
    `${percent(accuracy)} of ${heldOut} held-out windows named rightly; always naming the most frequent class: ${percent(baseline)}`,
    'Windows of one recording are alike, so expect less of people, sensors and places that are not in the file.',
  ];
}
