import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A directory for this process alone, for files that nobody needs after it. */
export interface Scratch {
  readonly path: string;
  remove(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A new directory in `parent`; removed at the latest when the process ends, unless by a signal that nobody sees. */
export function makeScratch(parent: string, prefix: string): Scratch {
  const path = mkdtempSync(join(parent, prefix));
  const interrupted = (signal: NodeJS.Signals) => {
    asMaker(remove);
    process.kill(process.pid, signal); // without this listener: it ends as it would have
  };
  const ended = () => asMaker(remove);
  function remove(): void {
    for (const signal of SIGNALS) process.off(signal, interrupted);
    process.off('exit', ended);
    rmSync(path, { recursive: true, force: true });
  }
  for (const signal of SIGNALS) process.on(signal, interrupted);
  process.on('exit', ended);
  return { path, remove };
}

/** At the end of the process root may be somebody else, who must not remove it. */
function asMaker(remove: () => void): void {
  try {
    if (process.getuid?.() === 0) process.seteuid?.(0);
    remove();
  } catch {
    // the process ends anyway
  }
}
