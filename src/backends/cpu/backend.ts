import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Backend, BackendState, LoadedModel, ModelSource } from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { TensorSpec } from '../../core/tensor.ts';
import { createLane, type Lane, type StartWorker } from './lane.ts';
import { CpuModel } from './model.ts';
import type { GraphFacts, GraphTensor } from './protocol.ts';

export interface CpuBackendParts {
  /** How many windows are computed at the same time, each in a thread of its own. */
  readonly lanes: number;
  readonly startWorker: StartWorker;
  readonly log: Log;
  /** state() tells something else than before. */
  readonly onChange?: () => void;
  readonly restartDelayMs?: (attempt: number) => number;
}

/** The model on the CPU, through onnxruntime in worker threads. */
export function createCpuBackend(parts: CpuBackendParts): Backend {
  const models = new Set<CpuModel>();
  let isClosed = false;

  function requireOpen(): void {
    if (isClosed) throw new SidecarError('BACKEND_UNAVAILABLE', 'The CPU backend has been closed.');
  }

  async function load(source: ModelSource): Promise<LoadedModel> {
    requireOpen();
    const onnx = readOnnx(source);
    const lanes: Lane[] = [];
    const model: CpuModel = new CpuModel(source.id, source.input, lanes, () => models.delete(model));
    const specs = { onnx, input: source.input, outputs: source.outputs };
    let up = 0;
    const onChange = () => {
      model.dispatch();
      if (up === model.lanesUp) return;
      up = model.lanesUp;
      parts.onChange?.();
    };
    try {
      for (let i = 0; i < parts.lanes; i++) lanes.push(createLane({ ...parts, ...specs, onChange }));
      const graphs = await Promise.all(lanes.map((lane) => lane.ready));
      requireSameGraph(source, graphs[0]!);
      requireOpen(); // or a close during the load would leave threads behind
    } catch (thrown) {
      await Promise.all(lanes.map((lane) => lane.close()));
      throw thrown;
    }
    models.add(model);
    return model;
  }

  return {
    kind: 'cpu',
    state: () => toState(parts.lanes, models),
    load,
    close: async () => {
      isClosed = true;
      await Promise.all([...models].map((model) => model.close()));
      models.clear();
    },
  };
}

/** The inputs and outputs of an ONNX file; throws MODEL_INVALID when the runtime refuses it. */
export async function inspectOnnx(bytes: Uint8Array, startWorker: StartWorker, log: Log): Promise<GraphFacts> {
  const none: TensorSpec = { name: '', shape: [0] };
  const lane = createLane({ onnx: toShared(bytes), input: none, outputs: [], startWorker, log, onChange: () => {} });
  try {
    return await lane.ready;
  } finally {
    await lane.close();
  }
}

/** Available while any model has a thread: one that has none answers BACKEND_UNAVAILABLE by itself, and takes no other along. */
function toState(lanes: number, models: ReadonlySet<CpuModel>): BackendState {
  const isAvailable = models.size === 0 || [...models].some((model) => model.lanesUp > 0);
  return {
    kind: 'cpu',
    available: isAvailable,
    reason: isAvailable ? null : 'No CPU inference thread runs; one is being started.',
    device: `CPU (${processorName()}, ${lanes} ${lanes === 1 ? 'thread' : 'threads'})`,
    degraded: whyDegraded([...models]),
  };
}

function whyDegraded(models: readonly CpuModel[]): string | null {
  const one = models.find((model) => model.degraded !== null);
  if (one === undefined) return null;
  return models.length === 1 ? one.degraded : `${one.id}: ${one.degraded}`;
}

let processor: string | null = null;

/** Asking the system takes milliseconds, and the state is asked for with every request. Arm kernels tell no model name. */
function processorName(): string {
  processor ??= cpus()[0]?.model.trim() || process.arch;
  return processor;
}

/** The bytes are verified as they go to the runtime, so nobody can change them in between. */
function readOnnx(source: ModelSource): SharedArrayBuffer {
  const artefact = source.artefacts.find(({ kind }) => kind === 'onnx');
  if (artefact === undefined) {
    throw new SidecarError('MODEL_INVALID', `The bundle of ${source.id} has no .onnx artefact, and the CPU needs one.`);
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(artefact.path);
  } catch (cause) {
    throw new SidecarError('MODEL_INVALID', `${artefact.path} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  if (createHash('sha256').update(bytes).digest('hex') !== artefact.sha256) {
    throw new SidecarError(
      'MODEL_INVALID',
      `${artefact.path} has changed since it was verified; copy the bundle again.`,
    );
  }
  return toShared(bytes);
}

function toShared(bytes: Uint8Array): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
}

/** The graph must have what the manifest says; the message shows both sides. */
function requireSameGraph(source: ModelSource, graph: GraphFacts): void {
  const isIn = (spec: TensorSpec, side: readonly GraphTensor[]) => side.some((tensor) => fits(spec, tensor));
  const agrees =
    graph.inputs.length === 1 &&
    isIn(source.input, graph.inputs) &&
    source.outputs.every((spec) => isIn(spec, graph.outputs));
  if (agrees) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `The manifest of ${source.id} and its .onnx file disagree. Manifest: ${show([source.input])} → ${show(source.outputs)}. File: ${show(graph.inputs)} → ${show(graph.outputs)}.`,
  );
}

/** A dimension that the graph leaves open takes whatever the manifest says. */
function fits(spec: TensorSpec, tensor: GraphTensor): boolean {
  const { name, type, shape } = tensor;
  if (name !== spec.name || type !== 'float32' || shape.length !== spec.shape.length) return false;
  return shape.every((side, i) => typeof side === 'string' || side === spec.shape[i]);
}

function show(tensors: readonly { name: string; shape: readonly unknown[] }[]): string {
  return tensors.map(({ name, shape }) => `${name} [${shape.join(',')}]`).join(', ');
}
