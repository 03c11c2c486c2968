import { SidecarError } from '../../src/core/errors.ts';
import type { ServedModel } from '../../src/core/model.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import type { Prediction } from '../../src/core/tensor-door.ts';
import type { LoadedVersion, OipParts } from '../../src/oip/parts.ts';
import { createSurfaces, type Surface } from '../../src/oip/surface.ts';
import { manifest } from '../tasks/tcn/fakes.ts';

/** A model of two inputs, [n,2,3] and [n], and two outputs, [n,2] and [n,3]; the protocol must not care what they mean. */
export const SIGNATURE = {
  inputs: [
    { name: 'a', shape: [-1, 2, 3] },
    { name: 'b', shape: [-1] },
  ],
  outputs: [
    { name: 'u', shape: [-1, 2] },
    { name: 'v', shape: [-1, 3] },
  ],
};

export const MODEL: ServedModel = {
  id: 'test-tcn@v1',
  manifest: manifest(),
  head: null,
  runner: {
    refusal: () => null,
    pace: () => ({ windowsPerSecond: 1, capacity: 1 }),
    run: () => Promise.reject(new Error('not for these tests')),
  },
};

export const surface = (signature = SIGNATURE, maxItems = 4): Surface => createSurfaces()(MODEL, signature, maxItems);

/** The bytes of float32. */
export const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

export const bytes = (...parts: (string | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));

/** What a call ends with: its value, or the sentence of its refusal. */
export function outcome<T>(attempt: () => T): T | string {
  try {
    return attempt();
  } catch (thrown) {
    if (thrown instanceof SidecarError) return thrown.message;
    throw thrown;
  }
}

export function prediction(...outputs: readonly (readonly [name: string, ...values: number[]])[]): Prediction {
  return {
    outputs: outputs.map(
      ([name, ...values]): Tensor => ({ name, shape: [1, values.length], data: Float32Array.from(values) }),
    ),
    headers: [['X-Backend', 'cpu']],
    inference: { model: MODEL.id, backend: 'cpu', degraded: null, queueMs: 0, inferMs: 1 },
    windows: { answered: 1, failed: [] },
    warnings: [],
  };
}

export interface PartsOptions {
  readonly models?: readonly LoadedVersion[];
  readonly failure?: string | null;
  readonly served?: OipParts['served'];
  readonly predict?: OipParts['tensors']['predict'];
}

export function parts(options: PartsOptions = {}): OipParts {
  return {
    version: '1.2.3',
    tensors: {
      enter: () => {},
      signature: () => SIGNATURE,
      predict: options.predict ?? (async () => prediction(['u', 1, 2], ['v', 3, 4, 5])),
    },
    served: options.served ?? (() => MODEL),
    models: () => options.models ?? [{ name: 'test-tcn', version: 'v1', failure: null }],
    failure: () => options.failure ?? null,
    platform: () => 'onnxruntime_onnx',
    settings: () => ({ maxBatchWindows: 4 }),
  };
}
