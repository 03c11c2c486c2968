import type { Inference, LoadedModel } from '../../src/core/backend.ts';
import { toSidecarError } from '../../src/core/errors.ts';

/** Windows whose answers differ from each other, and between models, by more than any quantisation. */
export const windowOf = (seed: number) =>
  Float32Array.from({ length: 900 }, (_, i) => Math.sin(seed * 1.7 + (i % 9) + i / 900));

const SEEDS = 8;

/** Every right answer there is: model → window → latent. */
export type Answers = ReadonlyMap<string, readonly (readonly number[])[]>;

export const latentOf = ({ outputs }: Inference) => [...outputs.latent_embeddings!];

/** What a model answers while nothing else goes on. */
export async function answersOf(model: LoadedModel): Promise<number[][]> {
  const answers: number[][] = [];
  for (let seed = 0; seed < SEEDS; seed++) answers.push(latentOf(await model.run(windowOf(seed))));
  return answers;
}

/** Whether an answer is nearer to the right one than to any other answer of any model. */
export function isOwn(answers: Answers, id: string, seed: number, latent: readonly number[]): boolean {
  const all = [...answers].flatMap(([model, list]) => list.map((values, i) => ({ model, i, values })));
  const distance = (values: readonly number[]) => values.reduce((sum, v, i) => sum + (v - latent[i]!) ** 2, 0);
  const nearest = all.reduce((best, one) => (distance(one.values) < distance(best.values) ? one : best));
  return nearest.model === id && nearest.i === seed;
}

export interface Outcome {
  readonly answers: number;
  /** Not its own answer. */
  readonly wrong: number;
  /** Codes of what failed. */
  readonly failed: readonly string[];
  /** Calls that never ended. */
  readonly lost: number;
  readonly inferences: readonly { readonly id: string; readonly inference: Inference }[];
}

/** Eight callers without a pause, each asking whatever model is the active one when it asks. */
export function startLoad(active: () => LoadedModel, answers: Answers): { stop(): Promise<Outcome> } {
  const inferences: { id: string; inference: Inference }[] = [];
  const failed: string[] = [];
  let [isOver, begun, wrong] = [false, 0, 0];
  async function ask(seed: number): Promise<void> {
    const model = active();
    begun += 1;
    try {
      const inference = await model.run(windowOf(seed));
      inferences.push({ id: model.id, inference });
      if (!isOwn(answers, model.id, seed, latentOf(inference))) wrong += 1;
    } catch (thrown) {
      failed.push(toSidecarError(thrown).code);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  const callers = Array.from({ length: SEEDS }, async (_, seed) => {
    while (!isOver) await ask(seed);
  });
  return {
    stop: async () => {
      isOver = true;
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise((resolve) => {
        timer = setTimeout(resolve, 5000);
      });
      await Promise.race([Promise.all(callers), limit]);
      clearTimeout(timer);
      const lost = begun - inferences.length - failed.length;
      return { answers: inferences.length, wrong, failed, lost, inferences };
    },
  };
}

/** Lets a load go on for a while. */
export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
