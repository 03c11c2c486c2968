import type { Backend } from '../core/backend.ts';
import type { Log } from '../core/log.ts';
import type { StartWorker } from './cpu/lane.ts';

export interface BackendParts {
  readonly kind: 'auto' | 'hailo' | 'cpu' | 'stub';
  readonly lanes: number;
  readonly startWorker: StartWorker;
  readonly log: Log;
  /** state() tells something else than before. */
  readonly onChange?: () => void;
  /** Where /sys and /dev are; / but in tests. */
  readonly root?: string;
}

/** kind → how to make it; nothing of a backend is loaded before it is chosen. */
const BACKENDS = {
  hailo: async ({ root }: BackendParts) => (await import('./hailo/backend.ts')).createHailoBackend(root),
  cpu: async (parts: BackendParts) => (await import('./cpu/backend.ts')).createCpuBackend(parts),
  stub: async ({ log }: BackendParts) => (await import('./stub/backend.ts')).createStubBackend(log),
} as const;

/**
 * The backend asked for. auto is hailo where it can run, else the CPU, never the stub. A chip that is there but cannot
 * be used makes the CPU's answers degraded; no chip does not. hailo asked for by name is never replaced.
 */
export async function openBackend(parts: BackendParts): Promise<Backend> {
  if (parts.kind !== 'auto') return BACKENDS[parts.kind](parts);
  const hailo = await BACKENDS.hailo(parts);
  if (hailo.state().available) return hailo;
  const { detectDevices } = await import('./hailo/detect.ts');
  const isChipThere = detectDevices(parts.root).length > 0;
  const cpu = await BACKENDS.cpu(parts);
  return isChipThere ? degrade(cpu, hailo.state().reason ?? 'the Hailo device cannot be used') : cpu;
}

/** The same backend, whose state and answers say what is missing. */
function degrade(backend: Backend, reason: string): Backend {
  return {
    ...backend,
    state: () => {
      const state = backend.state();
      return { ...state, degraded: state.degraded === null ? reason : `${reason} Besides, ${state.degraded}.` };
    },
    load: async (source) => {
      const model = await backend.load(source);
      return {
        id: model.id,
        capacity: model.capacity,
        lanes: model.lanes,
        run: async (input) => ({ ...(await model.run(input)), degraded: reason }),
        close: () => model.close(),
      };
    },
  };
}
