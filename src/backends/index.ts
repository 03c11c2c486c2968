import type { Backend, BackendState, ModelSource } from '../core/backend.ts';
import type { Log } from '../core/log.ts';
import type { StartWorker } from './cpu/lane.ts';
import type { HailoSettings } from './hailo/backend.ts';
import type { StartHost } from './hailo/link.ts';

export interface BackendParts {
  readonly kind: 'auto' | 'hailo' | 'cpu' | 'stub';
  readonly lanes: number;
  readonly startWorker: StartWorker;
  readonly hailo: HailoSettings;
  readonly startHost: StartHost;
  readonly log: Log;
  /** state() tells something else than before. */
  readonly onChange?: () => void;
  /** Only a new process can open the device. */
  readonly onStale?: (why: string, node: string) => void;
  /** How long a device that served may take to be opened with another model; for tests. */
  readonly takeMs?: number;
  /** Where /sys and /dev are; / but in tests. */
  readonly root?: string;
}

/** kind → how to make it; nothing of a backend is loaded before it is chosen. */
const BACKENDS = {
  hailo: async ({ hailo, ...parts }: BackendParts) =>
    (await import('./hailo/backend.ts')).createHailoBackend({ ...parts, settings: hailo }),
  cpu: async (parts: BackendParts) => (await import('./cpu/backend.ts')).createCpuBackend(parts),
  stub: async ({ log }: BackendParts) => (await import('./stub/backend.ts')).createStubBackend(log),
} as const;

/**
 * The backend asked for. auto is the device with the CPU behind it, never the stub; a device may also come later. One that
 * is there but does not serve makes the CPU's answers degraded; none at all does not. hailo asked for by name is never
 * replaced.
 */
export async function openBackend(parts: BackendParts): Promise<Backend> {
  if (parts.kind !== 'auto') return BACKENDS[parts.kind](parts);
  const { createFailover } = await import('./failover/backend.ts');
  const { createPresence } = await import('./hailo/detect.ts');
  const { whyNoHef } = await import('./hailo/backend.ts');
  const isPresent = createPresence(parts.hailo.probeIntervalMs, parts.root);
  const whyNot = ({ id, artefacts }: ModelSource, { isAbsent = false, reason }: BackendState) => {
    if (!artefacts.some(({ kind }) => kind === 'hef')) return isPresent() ? whyNoHef(id) : null;
    return isAbsent ? null : (reason ?? 'The device does not serve.');
  };
  return createFailover(await BACKENDS.hailo(parts), await BACKENDS.cpu(parts), whyNot, parts.onChange);
}
