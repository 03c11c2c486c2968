import { createCpuBackend } from './backends/cpu/backend.ts';
import type { Io } from './cli/io.ts';
import type { Log } from './core/log.ts';
import type { Bundle } from './models/bundle.ts';
import { checkGolden, type GoldenFigures } from './models/golden.ts';
import { toSource } from './models/open.ts';
import { startCpuThread, taskOf } from './parts.ts';

/** Runs a bundle's golden windows on the CPU. */
export function checkOnCpu(log: Log): (bundle: Bundle) => Promise<GoldenFigures> {
  return async (bundle) => {
    const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
    try {
      const { manifest, golden } = bundle;
      const loaded = await backend.load(toSource(bundle));
      return await checkGolden({ model: loaded, manifest, golden, prepare: taskOf(manifest).prepare(manifest) });
    } finally {
      await backend.close();
    }
  };
}

/** The log of a command: what goes wrong, on its stderr. */
export function toLog(io: Io): Log {
  const nothing = () => {};
  const say = (_fields: object, message: string) => io.err(message);
  return { debug: nothing, info: nothing, warn: say, error: say };
}
