import { SidecarError } from '../core/errors.ts';

/** A place in a file, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong; `source` is a file or the name of an environment variable. */
export interface Problem {
  readonly source: string;
  readonly at: Position | null;
  /** The dotted key it is about, when it is about one. */
  readonly key: string | null;
  readonly message: string;
}

/** A file of nothing but mistakes would otherwise flood the log. */
const SHOWN_PROBLEMS = 25;

/** CONFIG_INVALID with everything that is wrong, one line each: `file:line:column: message`. */
export class ConfigError extends SidecarError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('CONFIG_INVALID', toSentence(problems));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export function formatProblem({ source, at, message }: Problem): string {
  return at === null ? `${source}: ${message}` : `${source}:${at.line}:${at.column}: ${message}`;
}

/** All problems as lines, cut to a readable number. */
export function toLines(problems: readonly Problem[]): string[] {
  const lines = problems.slice(0, SHOWN_PROBLEMS).map(formatProblem);
  const hidden = problems.length - lines.length;
  return hidden > 0 ? [...lines, `… and ${hidden} more.`] : lines;
}

function toSentence(problems: readonly Problem[]): string {
  const lines = toLines(problems);
  if (problems.length === 1) return `The configuration is not valid: ${lines[0]}`;
  return [`The configuration has ${problems.length} errors:`, ...lines.map((line) => `  ${line}`)].join('\n');
}
