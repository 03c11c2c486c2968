import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { embeddedText, isExecutable } from './embedded.ts';

/** What this program is: `commit` is null when it is not known, as when the sources run. */
export interface Release {
  readonly version: string;
  readonly commit: string | null;
  /** Node's version, without the "v". */
  readonly node: string;
}

/** Reads the release from the executable, or from package.json when the sources run. */
export function readRelease(): Release {
  const text = isExecutable() ? embeddedText('release.json') : readFileSync(packageFile(), 'utf8');
  const { version, commit } = JSON.parse(text) as { version: string; commit?: string | null };
  return { version, commit: commit ?? null, node: process.versions.node };
}

function packageFile(): string {
  return join(import.meta.dirname, '..', '..', 'package.json');
}
