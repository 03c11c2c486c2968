import { InferenceSession, Tensor } from 'onnxruntime-node';
import { sizeOf, type TensorSpec } from '../../core/tensor.ts';
import type { GraphFacts, GraphTensor, Slot } from './protocol.ts';

/** A model in the runtime. Runs on the thread that calls it and blocks it: only a worker may. */
export interface Session {
  readonly facts: GraphFacts;
  /** Computes a slot in place: reads its input, writes its outputs. One call at a time. */
  run(slot: Slot): Promise<void>;
  close(): Promise<void>;
}

/**
 * One thread and no spinning: an idle daemon must cost nothing, and several lanes must not fight for cores.
 * The same input then always gives the same bytes.
 */
const OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
};

/** Throws what the runtime says when the bytes are no model that it can run. */
export async function openSession(
  onnx: Uint8Array,
  input: TensorSpec,
  outputs: readonly TensorSpec[],
): Promise<Session> {
  const session = await InferenceSession.create(onnx, OPTIONS);
  const source = new Float32Array(sizeOf(input));
  const feeds = { [input.name]: new Tensor('float32', source, [...input.shape]) };
  const fetches = outputs.map((spec) => spec.name);
  return {
    facts: { inputs: toFacts(session.inputMetadata), outputs: toFacts(session.outputMetadata) },
    run: async (slot) => {
      source.set(slot.input);
      const results = await session.run(feeds, fetches);
      for (const [i, spec] of outputs.entries()) slot.outputs[i]!.set(toFloats(results[spec.name], spec));
    },
    close: () => session.release(),
  };
}

function toFloats(tensor: Tensor | undefined, spec: TensorSpec): Float32Array {
  const data = tensor?.data;
  if (data instanceof Float32Array && data.length === sizeOf(spec)) return data;
  throw new Error(`output ${spec.name} is not float32 [${spec.shape}] but ${tensor?.type} [${tensor?.dims}]`);
}

function toFacts(metadata: readonly InferenceSession.ValueMetadata[]): GraphTensor[] {
  return metadata.map((value) => ({
    name: value.name,
    type: value.isTensor ? value.type : 'no tensor',
    shape: value.isTensor ? [...value.shape] : [],
  }));
}
