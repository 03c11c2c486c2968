import { JSON_TYPE } from '../core/media-types.ts';
import type { Call, Reply } from '../core/task.ts';
import { type TensorSpec, valuesIn } from '../core/tensor.ts';
import { findLoaded, type OipParts, wantedBy } from './parts.ts';
import { DATATYPE } from './tensor-header.ts';

const NAME = 'hailo-tcn-sidecar';
const EXTENSIONS = ['binary_tensor_data'];
const NO_STORE = [['Cache-Control', 'no-store']] as const;
/** A question about a certain version, for which no header of a call matters. */
const NO_CALL = { header: () => '', requestId: '' };

export function toServerMetadata({ version }: OipParts): Reply {
  return toJson({ name: NAME, version, extensions: EXTENSIONS });
}

export function toLive(): Reply {
  return toJson({ live: true });
}

/** One client reads `ready`, the text of the protocol says `live`. */
export function toReady(parts: OipParts): Reply {
  return toReadiness({ live: true }, parts.failure());
}

/** 503 as other servers and all probes have it, not the 400 that is "typical" in the text: asking again may help. */
export function toModelReady(call: Call, parts: OipParts): Reply {
  const { name, failure } = findLoaded(parts, wantedBy(call));
  return toReadiness({ name }, failure);
}

function toReadiness(facts: object, failure: string | null): Reply {
  if (failure === null) return toJson({ ...facts, ready: true });
  return toJson({ ...facts, ready: false, error: failure }, 503);
}

export function toModelMetadata(call: Call, parts: OipParts): Reply {
  const { name, version } = findLoaded(parts, wantedBy(call));
  const model = parts.served(NO_CALL, { name, version });
  const { inputs, outputs } = parts.tensors.signature(model);
  const versions = parts.models().flatMap((one) => (one.name === name ? [one.version] : []));
  const platform = parts.platform();
  return toJson({ name, versions, platform, inputs: inputs.map(toTensor), outputs: outputs.map(toTensor) });
}

function toTensor({ name, shape }: TensorSpec): object {
  return { name, datatype: DATATYPE, shape };
}

/** The smallest request that the first loaded model takes, for the documentation; null when none is served. */
export function toExample(parts: OipParts): object | null {
  const [first] = parts.models();
  if (first === undefined || first.failure !== null) return null;
  const { inputs } = parts.tensors.signature(parts.served(NO_CALL, first));
  return { inputs: inputs.map(toZeros) };
}

function toZeros({ name, shape }: TensorSpec): object {
  const one = [1, ...shape.slice(1)];
  const data = new Array(valuesIn(one)).fill(0);
  return { name, datatype: DATATYPE, shape: one, data };
}

function toJson(facts: object, status = 200): Reply {
  return { status, contentType: JSON_TYPE, headers: NO_STORE, body: JSON.stringify(facts), inference: null };
}
