import { SidecarError, toSidecarError } from '../core/errors.ts';
import type { ServedModel, WantedModel } from '../core/model.ts';
import type { Call, TaskSettings } from '../core/task.ts';
import type { TensorDoor } from '../core/tensor-door.ts';

/** What this protocol needs of the daemon. */
export interface OipParts {
  /** Of the daemon. */
  readonly version: string;
  readonly tensors: TensorDoor;
  /** The model for one call. Throws MODEL_NOT_LOADED, NOT_READY, BACKEND_UNAVAILABLE. */
  served(call: Pick<Call, 'header' | 'requestId'>, wanted: WantedModel): ServedModel;
  /** What is loaded; of several versions the first answers when nobody asks for one. */
  models(): readonly LoadedVersion[];
  /** Why nothing is answered now, one sentence; null while ready. */
  failure(): string | null;
  /** What computes, as the protocol names platforms: PROJECT_FORMAT. */
  platform(): string;
  settings(): Pick<TaskSettings, 'maxBatchWindows'>;
}

export interface LoadedVersion {
  readonly name: string;
  readonly version: string;
  /** Why it does not answer now; null while it does. */
  readonly failure: string | null;
}

/** What the path names. */
export function wantedBy({ params }: Pick<Call, 'params'>): WantedModel {
  return { name: params.name!, version: params.version ?? null };
}

/** The model that a request is for. */
export function servedTo(call: Call, parts: OipParts): ServedModel {
  const wanted = wantedBy(call);
  try {
    return parts.served(call, wanted);
  } catch (thrown) {
    if (toSidecarError(thrown).code === 'MODEL_NOT_LOADED') findLoaded(parts, wanted);
    throw thrown; // the path's model is loaded, so a header has asked for another
  }
}

/** The version that a path means. Throws MODEL_NOT_LOADED. */
export function findLoaded(parts: OipParts, { name, version }: WantedModel): LoadedVersion {
  const models = parts.models();
  const found = models.find((one) => one.name === name && (version === null || one.version === version));
  if (found !== undefined) return found;
  const loaded = models.map((one) => `${one.name} version ${one.version}`).join(', ');
  throw new SidecarError('MODEL_NOT_LOADED', `The model that the path names is not loaded. Loaded: ${loaded}.`);
}
