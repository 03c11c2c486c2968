import { statSync } from 'node:fs';
import { readDocument } from './document.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { type ReadFile, readBounded } from './files.ts';
import { assemble } from './load.ts';

export interface ExpectedVersionSource {
  /** Asked each time, because a reload may find another file. */
  yamlPath(): string | null;
  readonly env: Environment;
  readonly readFile?: ReadFile;
  /** A text that changes when the file does; throws when there is no file. */
  readonly stamp?: (path: string) => string;
  readonly cwd?: string;
}

/**
 * A function that tells the version16 which the YAML now on disk would give with the same environment:
 * `expected` of hailo_config_ok. Null when it cannot be known (no YAML, unreadable, or not valid).
 * Asked at each scrape: the file is read again only when its stamp has changed.
 */
export function createExpectedVersion(source: ExpectedVersionSource): () => string | null {
  const stamp = source.stamp ?? stampOf;
  const compute = (path: string): string | null =>
    orNull(() => {
      const bytes = (source.readFile ?? readBounded)(path);
      return assemble(readDocument(path, bytes), readEnvironment(source.env, source.cwd ?? process.cwd())).version16;
    });
  let known: { readonly stamp: string; readonly version: string | null } | null = null;
  return () => {
    const path = source.yamlPath();
    const current = path === null ? null : orNull(() => `${path} ${stamp(path)}`);
    if (path === null || current === null) return null;
    if (known?.stamp !== current) known = { stamp: current, version: compute(path) };
    return known.version;
  };
}

function stampOf(path: string): string {
  const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
  return `${mtimeNs} ${ctimeNs} ${size} ${ino}`;
}

/** Whatever stands in the way, the answer is "not known": a scrape must not fail because a file is being edited. */
function orNull<T>(compute: () => T): T | null {
  try {
    return compute();
  } catch {
    return null;
  }
}
