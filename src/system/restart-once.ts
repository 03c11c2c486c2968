import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the state directory: the runtime directory ends with the process. */
const FILE = 'restarted-for';

/**
 * Whether ending this process so that systemd starts it again is worth while for that cause: under systemd, and not twice
 * for the same. What a restart did not cure the first time would else become a loop that ends in a failed unit. Remembers
 * a yes.
 */
export function mayRestartFor(cause: string, env: NodeJS.ProcessEnv): boolean {
  const { INVOCATION_ID: underSystemd, STATE_DIRECTORY } = env;
  const directory = STATE_DIRECTORY?.split(':')[0]; // systemd lists all that the unit names
  if (underSystemd === undefined || directory === undefined) return false;
  const path = join(directory, FILE);
  if (read(path) === cause) return false;
  try {
    writeFileSync(path, cause);
    return true;
  } catch {
    return false; // without a memory it could be a loop
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
