import { feedCommand } from './cli/feed.ts';
import { PATIENCE } from './cli/feed-tries.ts';
import type { Io } from './cli/io.ts';
import { reachNamed } from './reach.ts';

/** Each would end it without putting back what it has changed of a device. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `hailo-tcn-sidecar feed`, with what it needs of the other layers. */
export function feed(argv: string[], io: Io): Promise<number> {
  return feedCommand(argv, io, {
    reach: (url, path, tokenFile) => reachNamed(url, path, { tokenFile, env: process.env }),
    stdin: () => process.stdin,
    stdout: process.stdout,
    onInterrupt: (listener) => {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of SIGNALS) process.off(signal, listener);
      };
    },
    patience: PATIENCE,
    now: () => performance.now(),
    random: Math.random,
  });
}
