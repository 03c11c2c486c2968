import type { LoadedModel } from '../../core/backend.ts';
import { messageOf } from '../../core/errors.ts';
import type { Vectors } from '../../core/task.ts';
import type { Tensors } from '../../core/tensor.ts';

/** What a gate found: false keeps the model from serving, null was not asked for; the text says by how much. */
export interface GateResult {
  readonly name: string;
  readonly ok: boolean | null;
  readonly text: string;
}

export interface Rehearsal {
  readonly inputs: readonly Float32Array[];
  /** What the model gave, in the order of the windows. */
  readonly latents: readonly Float32Array[];
  /** Of the fastest window, in milliseconds: the others also tell of what else the machine does. */
  readonly fastestMs: number;
  readonly backend: string;
}

/** One who computes windows, and the windows as it takes them. */
export interface Performer {
  readonly model: Pick<LoadedModel, 'run'>;
  readonly inputs: readonly Float32Array[];
  toVectors(outputs: Tensors): Vectors;
}

/** The models rest so many times as long as a window took: who serves has other windows to compute. */
const REST = 2;

/**
 * Runs windows through each of them in turn, beside the traffic of others: what slows the machine down for a moment hits
 * all of them alike. Rejects with what a model or toVectors gives.
 */
export async function rehearse(performers: readonly Performer[]): Promise<Rehearsal[]> {
  const stages = performers.map((performer) => createStage(performer));
  const longest = Math.max(...performers.map(({ inputs }) => inputs.length));
  for (let i = 0; i < longest; i++) {
    const startAt = performance.now();
    for (const stage of stages) await stage.run(i);
    await new Promise((resolve) => setTimeout(resolve, REST * (performance.now() - startAt)));
  }
  return stages.map((stage) => stage.result());
}

function createStage({ model, inputs, toVectors }: Performer) {
  const latents: Float32Array[] = [];
  const times: number[] = [];
  let backend = '';
  return {
    run: async (i: number) => {
      const input = inputs[i]?.slice();
      if (input === undefined) return;
      const startAt = performance.now();
      const inference = await model.run(input);
      times.push(performance.now() - startAt);
      latents.push(toVectors(inference.outputs).latent);
      backend = inference.backend;
    },
    result: (): Rehearsal => {
      return { inputs, latents, fastestMs: Math.min(...times), backend };
    },
  };
}

const isSame = (a: Float32Array, b: Float32Array) => a.every((value, i) => value === b[i]);

/** Windows that differ must not all come out the same; NaN and Infinity are caught before. */
export function judgeOutputs({ inputs, latents }: Rehearsal): GateResult {
  const name = 'outputs';
  const differing = inputs.flatMap((input, i) => (isSame(input, inputs[0]!) ? [] : [latents[i]!]));
  if (differing.length === 0)
    return { name, ok: true, text: `finite on ${inputs.length} windows, none of which differ` };
  if (!differing.every((latent) => isSame(latent, latents[0]!))) {
    return { name, ok: true, text: `finite and not constant on ${inputs.length} windows` };
  }
  return { name, ok: false, text: `the same latent for each of ${inputs.length} windows: the model ignores its input` };
}

/** On two backends the times mean nothing beside each other; a millisecond is within the machine's own noise. */
export function judgeLatency(next: Rehearsal, now: Rehearsal | null, maxFactor: number): GateResult {
  const name = 'latency';
  const found = `fastest window ${next.fastestMs.toFixed(2)} ms (${next.backend})`;
  if (now === null || now.backend !== next.backend)
    return { name, ok: true, text: `${found}; nothing to compare it with` };
  const limitMs = Math.max(now.fastestMs * maxFactor, now.fastestMs + NOISE_MS);
  const text = `${found}, the model before ${now.fastestMs.toFixed(2)} ms; at most ${limitMs.toFixed(2)} ms`;
  return { name, ok: next.fastestMs <= limitMs, text };
}

const NOISE_MS = 1;

/** The device against the fingerprint of its artefact, where there is one. */
export function judgeFingerprint(next: Rehearsal, expectedMs: number | null, maxFactor: number): GateResult | null {
  if (next.backend !== 'hailo' || expectedMs === null) return null;
  const limitMs = expectedMs * maxFactor + NOISE_MS;
  const text = `fastest window ${next.fastestMs.toFixed(2)} ms on the device, expected ${expectedMs} ms; at most ${limitMs.toFixed(2)} ms`;
  return { name: 'fingerprint', ok: next.fastestMs <= limitMs, text };
}

/** A gate that is a call: it passes when the call does. */
export async function passGate<T>(
  gates: GateResult[],
  name: string,
  run: () => Promise<T>,
  tell: (value: T) => string,
): Promise<T> {
  try {
    const value = await run();
    gates.push({ name, ok: true, text: tell(value) });
    return value;
  } catch (thrown) {
    gates.push({ name, ok: false, text: messageOf(thrown) });
    throw thrown;
  }
}
