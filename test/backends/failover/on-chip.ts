import type { Test } from 'tap';
import { openBackend } from '../../../src/backends/index.ts';
import type { LoadedModel, ModelSource } from '../../../src/core/backend.ts';
import { startCpuThread, startDeviceHost } from '../../../src/parts.ts';
import { insertChip, type StandInChip, settingsFor } from '../../fakes/stand-in-chip.ts';
import { TAKE_MS } from '../hand-over.ts';
import { sleep, windowOf } from '../load.ts';
import { proofOf } from '../other-model.ts';

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** backend.kind auto on a stand-in chip. */
export const open = (chip: StandInChip, onChange = nothing) =>
  openBackend({
    kind: 'auto',
    lanes: 1,
    startWorker: startCpuThread,
    startHost: startDeviceHost,
    hailo: settingsFor(chip.library),
    log,
    takeMs: TAKE_MS,
    root: chip.root,
    onChange,
  });

/** With what its states said was degraded, and tiny@1 to load first. */
export async function build(t: Test) {
  const chip = insertChip(t);
  const told: (string | null)[] = [];
  const backend = await open(chip, () => void told.push(backend.state().degraded));
  t.teardown(() => backend.close());
  const first = { ...chip.source, prove: proofOf(1) };
  const load = (source: ModelSource = first) => backend.load(source);
  return { chip, backend, told, first, load };
}

/** Where a window is computed. A machine that is busy otherwise may be slow once. */
export async function where(model: LoadedModel): Promise<{ backend: string; degraded: string | null }> {
  const { backend, degraded } = await model.run(windowOf(1));
  if (degraded !== null && /slow to answer/.test(degraded)) return sleep(20).then(() => where(model));
  return { backend, degraded };
}
export const onDevice = { backend: 'hailo', degraded: null } as const;
export const onCpu = { backend: 'cpu', degraded: null } as const;
