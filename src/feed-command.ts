import { feedCommand } from './cli/feed.ts';
import { PATIENCE } from './cli/feed-tries.ts';
import type { Io } from './cli/io.ts';
import { loadConfig } from './config/load.ts';
import { reachConfigured, reachUrl } from './reach.ts';

/** `hailo-tcn-sidecar feed`, with what it needs of the other layers. */
export function feed(argv: string[], io: Io): Promise<number> {
  const configured = (path: string | null) => loadConfig({ path, env: process.env }).config;
  return feedCommand(argv, io, {
    reach: (url, path, tokenFile) =>
      url === null ? reachConfigured(configured(path), { tokenFile, env: process.env }) : reachUrl(url, { tokenFile }),
    stdin: () => process.stdin,
    stdout: process.stdout,
    onInterrupt: (listener) => {
      process.on('SIGINT', listener);
      return () => void process.off('SIGINT', listener);
    },
    patience: PATIENCE,
    now: () => performance.now(),
    random: Math.random,
  });
}
