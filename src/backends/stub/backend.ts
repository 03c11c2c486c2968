import type { Backend, BackendState, LoadedModel, ModelSource } from '../../core/backend.ts';
import { SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { sizeOf, type Tensors } from '../../core/tensor.ts';

const DEGRADED = 'stub backend: answers are a fixed rule of the first sample, not a model';

/**
 * No model at all: output j of n is the fraction of (x₀ + j / n), x₀ being the window's first value, computed afresh at
 * each call. For testing clients and for measuring everything but the model; chosen only by name, and every reply says so.
 */
export function createStubBackend(log: Log): Backend {
  log.warn({}, 'backend.kind is stub: every answer is a fixed rule, not a model');
  let isClosed = false;
  return {
    kind: 'stub',
    state: (): BackendState => ({
      kind: 'stub',
      available: true,
      reason: null,
      device: 'no device (stub)',
      degraded: DEGRADED,
    }),
    load: async (source) => {
      if (isClosed) throw new SidecarError('BACKEND_UNAVAILABLE', 'The stub backend has been closed.');
      return createStubModel(source, () => isClosed);
    },
    close: async () => {
      isClosed = true;
    },
  };
}

function createStubModel(source: ModelSource, isBackendClosed: () => boolean): LoadedModel {
  let isClosed = false;
  return {
    id: source.id,
    capacity: 64,
    lanes: 1,
    run: async (input) => {
      if (isClosed || isBackendClosed())
        throw new SidecarError('BACKEND_UNAVAILABLE', `The model ${source.id} has been closed.`);
      if (input.length !== sizeOf(source.input)) {
        throw new SidecarError('BACKEND_FAILED', `The model ${source.id} takes ${sizeOf(source.input)} values.`);
      }
      return { outputs: rule(input, source), backend: 'stub', degraded: DEGRADED };
    },
    close: async () => {
      isClosed = true;
    },
  };
}

function rule(input: Float32Array, source: ModelSource): Tensors {
  const outputs: Record<string, Float32Array> = {};
  const first = input[0]! - Math.floor(input[0]!);
  for (const spec of source.outputs) {
    const values = new Float32Array(sizeOf(spec));
    const step = 1 / values.length;
    for (let j = 0; j < values.length; j++) {
      const sum = first + j * step;
      values[j] = sum < 1 ? sum : sum - 1;
    }
    outputs[spec.name] = values;
  }
  return outputs;
}
