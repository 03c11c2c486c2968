import { SidecarError } from '../core/errors.ts';
import { FLAG, HELP_FLAG, type Io, parseCommandLine, TEXT, toTable } from './io.ts';
import { tell } from './model-activate.ts';
import {
  type DaemonReply,
  type Gate,
  printGates,
  requireDaemon,
  requireOperand,
  type StoreDeps,
} from './store-deps.ts';

export const CANDIDATE_HELP = `  candidate NAME@VERSION [--shadow | --canary PERCENT | --named] [--json]
                    load it beside the active model. --shadow (the default): it computes the same windows and answers
                    nobody; --canary 5: it answers 5 % of the requests; --named: those with X-Model: NAME@VERSION
  candidate --stop [--json]
                    let the candidate go
  compare [--json]  candidate and active model side by side, or "not enough yet"
  promote [--force] [--allow-gap] [--json]
                    activate the candidate, if it passes the gates of rollout.*`;

const DECIMALS = 5;

export async function candidateCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const options = { shadow: FLAG, canary: TEXT, named: FLAG, stop: FLAG, json: FLAG, help: HELP_FLAG };
  const { values, positionals } = parseCommandLine(argv, options, { command: 'model', operands: 1 });
  if (values.help) return help(io);
  const isJson = values.json === true;
  if (values.stop) {
    return tell(io, requireDaemon(await deps.ask('DELETE', '/v1/candidate'), 'candidate'), isJson, 'serves alone');
  }
  const model = requireOperand(positionals[0], 'candidate', 'NAME@VERSION, or --stop');
  const chosen = [values.shadow, values.canary !== undefined, values.named].filter(Boolean).length;
  if (chosen > 1) throw new SidecarError('USAGE', 'model candidate takes one of --shadow, --canary and --named.');
  const mode = values.named ? 'named' : values.canary === undefined ? 'shadow' : 'canary';
  const body = { model, mode, share: values.canary === undefined ? 0 : toShare(values.canary) };
  const reply = requireDaemon(await deps.ask('POST', '/v1/candidate', body), 'candidate');
  return tell(io, reply, isJson, `serves, with the candidate ${model} (${mode}) beside it`);
}

/** "5", "5 %" and "0.5%" are per cent. */
function toShare(text: string): number {
  const match = /^(\d{1,3}(?:\.\d+)?)\s*%?$/.exec(text.trim());
  const share = Number(match?.[1]) / 100;
  if (match !== null && share > 0 && share <= 1) return share;
  throw new SidecarError(
    'USAGE',
    `model candidate: --canary is a share in per cent above 0, up to 100, not "${text}".`,
  );
}

interface Side {
  readonly ref: string;
  readonly windows: number;
  readonly errors: number;
  readonly late: number;
  readonly error_ratio: number | null;
  readonly latency_ms: { readonly median: number; readonly p99: number } | null;
  readonly backend: string | null;
}

interface ComparisonReply extends DaemonReply {
  readonly enough: boolean;
  readonly missing: string | null;
  readonly pairs: {
    readonly pairs: number;
    readonly dropped: number;
    readonly cosine: {
      readonly mean: number;
      readonly p5: number;
      readonly median: number;
      readonly min: number;
    } | null;
    readonly motifAgreement: number | null;
    readonly scoreDifference: number | null;
  };
}

export async function compareCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const { values } = parseCommandLine(argv, { json: FLAG, help: HELP_FLAG }, { command: 'model', operands: 0 });
  if (values.help) return help(io);
  const reply = requireDaemon(await deps.ask('GET', '/v1/compare'), 'compare') as unknown as ComparisonReply & {
    readonly active: Side;
    readonly candidate: Side & { readonly mode: string };
  };
  if (values.json) {
    io.out(JSON.stringify(reply, null, 2));
    return 0;
  }
  const { active, candidate, pairs } = reply;
  const rows = [
    ['', 'windows', 'errors', 'late', 'median', 'p99', 'on'],
    toRow('active', active),
    toRow(candidate.mode, candidate),
  ];
  for (const line of toTable(rows)) io.out(line);
  const { cosine } = pairs;
  io.out(`${pairs.pairs} windows computed by both, ${pairs.dropped} left out because one of them was busy, or rested`);
  if (cosine !== null) {
    const [mean, p5, median, min] = [cosine.mean, cosine.p5, cosine.median, cosine.min].map((value) =>
      value.toFixed(DECIMALS),
    );
    io.out(`cosine of the latents: mean ${mean}, median ${median}, 5 % below ${p5}, least ${min}`);
  }
  if (pairs.motifAgreement !== null) {
    io.out(
      `same top motif: ${(pairs.motifAgreement * 100).toFixed(2)} %, mean difference of a score ${pairs.scoreDifference?.toFixed(DECIMALS)}`,
    );
  }
  printGates(io, (reply.gates ?? []) as readonly Gate[]);
  const failed = (reply.gates ?? []).filter(({ ok }) => ok === false).map(({ name }) => name);
  if (failed.length > 0) io.out(`It fails: ${failed.join(', ')}.`);
  io.out(reply.enough ? 'Enough to judge: "model promote" goes by these gates.' : `${reply.missing}.`);
  return 0;
}

function toRow(role: string, { ref, windows, errors, late, latency_ms: latency, backend }: Side): string[] {
  const ms = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(2)} ms`);
  return [
    `${ref} (${role})`,
    String(windows),
    String(errors),
    String(late),
    ms(latency?.median),
    ms(latency?.p99),
    backend ?? '-',
  ];
}

export async function promoteCommand(argv: readonly string[], io: Io, deps: StoreDeps): Promise<number> {
  const options = { force: FLAG, 'allow-gap': FLAG, json: FLAG, help: HELP_FLAG };
  const { values } = parseCommandLine(argv, options, { command: 'model', operands: 0 });
  if (values.help) return help(io);
  const body = { force: values.force === true, allow_gap: values['allow-gap'] === true };
  const reply = requireDaemon(await deps.ask('POST', '/v1/promote', body), 'promote');
  return tell(io, reply, values.json === true, 'serves');
}

function help(io: Io): number {
  io.out(CANDIDATE_HELP);
  return 0;
}
