import type { Backend, LoadedModel, ModelSource } from '../core/backend.ts';
import { messageOf, toSidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { ServedModel } from '../core/model.ts';
import type { Bundle } from './bundle.ts';
import { createGate, type Gate } from './gate.ts';
import { checkGolden, type GoldenFigures, type GoldenParts, warmUp } from './golden.ts';

/** A bundle that was loaded into a backend, warmed up and passed its golden windows. */
export interface OpenModel {
  readonly model: LoadedModel;
  readonly served: ServedModel;
  readonly gate: Gate;
  /** How the golden windows came out; null on the stub, which is no model and cannot pass them. */
  readonly figures: GoldenFigures | null;
  runGolden(): Promise<GoldenFigures | null>;
  /** The same without mercy: what answers now must give the right answer, nothing takes its place. */
  prove(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenParts {
  readonly bundle: Bundle;
  readonly backend: Backend;
  prepare(raw: Float32Array): Float32Array;
  readonly clock: Clock;
  maxQueueSize(): number;
  /** The strict device is another model's for now: it proves itself when it takes the device, not before. */
  readonly isWaitingForDevice?: boolean;
  /** Hears of every golden run, also of one that fails. */
  onGolden?(figures: GoldenFigures): void;
}

/** Throws what Backend.load and checkGolden throw; nothing stays loaded then. */
export async function openModel(parts: OpenParts): Promise<OpenModel> {
  const { bundle, backend, prepare, clock, maxQueueSize } = parts;
  const { id } = toSource(bundle);
  const golden = { manifest: bundle.manifest, golden: bundle.golden, prepare };
  const { onGolden: onFigures } = parts;
  const check = (model: GoldenParts['model']) => checkGolden({ ...golden, model, ...(onFigures && { onFigures }) });
  const prove = async (run: LoadedModel['run']) => void (await check({ id, run }));
  const model = await backend.load({ ...toSource(bundle), prove });
  const runGolden = async () => (backend.kind === 'stub' ? null : checkOrDemote(model, check));
  try {
    const firstRun = async () => {
      await warmUp({ ...golden, model });
      return runGolden();
    };
    const figures = parts.isWaitingForDevice ? null : await ifUp(backend, firstRun);
    const gate = createGate({
      model,
      clock,
      maxQueueSize,
      ...(figures && figures.medianMs > 0 && { firstMs: figures.medianMs }),
    });
    return {
      model,
      served: { id: model.id, manifest: bundle.manifest, head: bundle.head, runner: gate },
      gate,
      figures,
      runGolden,
      prove: async () => void (backend.kind === 'stub' || (await check(model))),
      close: () => model.close(),
    };
  } catch (thrown) {
    await closeQuietly(model);
    throw thrown;
  }
}

/** A device that is not there, or is lost meanwhile, is opened again by itself, and proves itself then. */
async function ifUp<T>(backend: Backend, run: () => Promise<T>): Promise<T | null> {
  if (!backend.state().available) return null;
  try {
    return await run();
  } catch (thrown) {
    const isLost = toSidecarError(thrown).code === 'BACKEND_UNAVAILABLE' && !backend.state().available;
    if (isLost) return null;
    throw thrown;
  }
}

/** Golden windows that fail take out of service what answered them; what answers in its place is checked in turn. */
async function checkOrDemote(
  model: LoadedModel,
  check: (model: LoadedModel) => Promise<GoldenFigures>,
): Promise<GoldenFigures> {
  try {
    return await check(model);
  } catch (thrown) {
    if (model.demote === undefined) throw thrown;
    model.demote(messageOf(thrown));
    return check(model);
  }
}

/** What a backend may know of a bundle. */
export function toSource({ manifest, artefacts }: Pick<Bundle, 'manifest' | 'artefacts'>): ModelSource {
  const { latent, motif_scores: scores } = manifest.outputs;
  return {
    id: `${manifest.name}@${manifest.version}`,
    input: { name: manifest.input.name, shape: manifest.input.shape },
    outputs: scores === null ? [latent] : [latent, scores],
    artefacts,
  };
}

/** The failure that brought us here is the one to tell. */
async function closeQuietly(model: LoadedModel): Promise<void> {
  await model.close().catch(() => {});
}
