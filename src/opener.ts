import type { Config } from './config/schema.ts';
import type { Backend } from './core/backend.ts';
import type { Clock, Log } from './core/log.ts';
import type { Bundle } from './models/bundle.ts';
import { createProof } from './models/proof.ts';
import { Resident } from './models/rollout/resident.ts';
import type { Store } from './models/store/store.ts';
import { type ModelRef, PACKAGED } from './models/store/store-state.ts';
import { openBundle, packagedBundle, readStored, taskOf } from './parts.ts';

export interface OpenerParts {
  /** In force now. */
  config(): Config;
  readonly backend: Backend;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** The golden windows of a resident fail, or pass again. */
  onProof(resident: Resident, failure: string | null): void;
}

/** Opens models for the seats: verified, loaded, warm, proved, and proved again at an interval. Throws the reason. */
export interface Opener {
  /** The model that the configuration names by path or version. */
  configured(): Promise<Resident>;
  /** A model of the store, or the packaged one; beside the one that serves. */
  open(ref: ModelRef, options?: { readonly isFirst?: boolean }): Promise<Resident>;
}

const GOLDEN_RETRY_MS = 30_000;

export function createOpener(parts: OpenerParts): Opener {
  const { backend, clock, log } = parts;

  async function seat(ref: ModelRef | null, bundle: Bundle, isFirst: boolean): Promise<Resident> {
    const task = taskOf(bundle.manifest);
    const resident = new Resident({
      ref,
      bundle,
      backend,
      prepare: task.prepare(bundle.manifest),
      toVectors: task.toVectors,
      convert: task.convert,
      clock,
      maxQueueSize: () => parts.config().inference.max_queue_size,
      isWaitingForDevice: !isFirst && parts.config().backend.kind === 'hailo',
    });
    await resident.open();
    startProof(resident);
    return resident;
  }

  function startProof(resident: Resident): void {
    if (resident.model === null) return;
    resident.proof = createProof({
      runGolden: resident.model.runGolden,
      isIdle: () => backend.state().isIdle ?? false,
      intervalMs: parts.config().inference.golden_interval_s * 1000,
      retryMs: GOLDEN_RETRY_MS,
      clock,
      log,
      onChange: (failure) => parts.onProof(resident, failure),
    });
  }

  async function bundleOf(ref: ModelRef): Promise<Bundle> {
    if (ref === PACKAGED) return packagedBundle(parts.config());
    return readStored(parts.store.directoryOf(ref), ref, parts.config());
  }

  return {
    configured: async () => seat(null, await openBundle(parts.config()), true),
    open: async (ref, { isFirst = false } = {}) => seat(ref, await bundleOf(ref), isFirst),
  };
}
