import type { Test } from 'tap';
import type { Backend, LoadedModel, ModelSource } from '../../src/core/backend.ts';
import { type Answers, answersOf, isOwn, type Outcome, sleep, startLoad, windowOf } from './load.ts';

/** What core/backend.ts promises, asked of every backend alike. */
export interface Subject {
  open(): Promise<Backend>;
  readonly source: ModelSource;
  /** Another model, with other answers where the backend computes any. */
  readonly second?: ModelSource;
  /** A model that does not hold the device answers nothing at all. */
  readonly isStrict?: boolean;
}

const window = windowOf;

export async function conforms(t: Test, subject: Subject): Promise<void> {
  async function withModel(test: (model: LoadedModel, backend: Backend) => Promise<void>): Promise<void> {
    const backend = await subject.open();
    try {
      await test(await backend.load(subject.source), backend);
    } finally {
      await backend.close();
    }
  }
  const latentOf = async (model: LoadedModel, seed: number) => [
    ...(await model.run(window(seed))).outputs.latent_embeddings!,
  ];

  await t.test('every call gets its own answer, also when many are in flight', async (t) => {
    await withModel(async (model) => {
      const alone: number[][] = [];
      for (let seed = 0; seed < 20; seed++) alone.push(await latentOf(model, seed));
      const seeds = Array.from({ length: 200 }, (_, i) => (i * 7) % 20);
      const together = await Promise.all(seeds.map((seed) => latentOf(model, seed)));
      t.same(
        together,
        seeds.map((seed) => alone[seed]),
      );
      t.equal(new Set(alone.map(String)).size, 20, 'different windows have different answers');
    });
  });

  await t.test('the same window gives the same bytes, in this and in the next load', async (t) => {
    const answers: number[][] = [];
    for (let i = 0; i < 2; i++) {
      await withModel(async (model) => {
        answers.push(await latentOf(model, 3), await latentOf(model, 3));
      });
    }
    t.equal(new Set(answers.map(String)).size, 1);
  });

  await t.test('the answer says which backend gave it, and holds every output in its size', async (t) => {
    await withModel(async (model, backend) => {
      const { outputs, backend: kind } = await model.run(window(1));
      t.equal(kind, backend.kind);
      t.same(
        Object.entries(outputs).map(([name, values]) => [name, values.length]),
        [
          ['latent_embeddings', 64],
          ['motif_scores', 12],
        ],
      );
    });
  });

  await t.test('answers belong to the caller: changing one changes no other', async (t) => {
    await withModel(async (model) => {
      const first = await model.run(window(1));
      const kept = [...first.outputs.latent_embeddings!];
      first.outputs.latent_embeddings!.fill(7);
      t.same(await latentOf(model, 1), kept);
    });
  });

  await t.test('the model says how much it computes at a time, for the gate before it', async (t) => {
    await withModel(async (model) => {
      t.ok(model.lanes >= 1 && model.capacity >= model.lanes, `${model.lanes} lanes, capacity ${model.capacity}`);
    });
  });

  await t.test('the input is not touched', async (t) => {
    await withModel(async (model) => {
      const input = window(5);
      await model.run(input);
      t.same([...input], [...window(5)]);
    });
  });

  await t.test('close lets calls in flight finish, refuses later ones, and may be called twice', async (t) => {
    await withModel(async (model) => {
      const inFlight = Array.from({ length: 10 }, (_, seed) => model.run(window(seed)));
      const closed = model.close();
      await t.rejects(model.run(window(1)), { code: 'BACKEND_UNAVAILABLE' });
      t.equal((await Promise.all(inFlight)).length, 10);
      await Promise.all([closed, model.close()]);
    });
  });

  await t.test('a window of another size is refused, and the next is served', async (t) => {
    await withModel(async (model) => {
      await t.rejects(model.run(new Float32Array(899)), { code: 'BACKEND_FAILED' });
      t.equal((await latentOf(model, 1)).length, 64);
    });
  });

  await t.test('closing the backend closes its models, may be repeated, and ends it for good', async (t) => {
    await withModel(async (model, backend) => {
      const inFlight = model.run(window(1));
      await Promise.all([backend.close(), backend.close()]);
      t.equal((await inFlight).outputs.latent_embeddings?.length, 64);
      await t.rejects(model.run(window(1)), { code: 'BACKEND_UNAVAILABLE' });
      await t.rejects(backend.load(subject.source), { code: 'BACKEND_UNAVAILABLE' });
    });
  });

  await t.test('an opened backend says that it can, and on what', async (t) => {
    await withModel(async (_model, backend) => {
      t.match(backend.state(), { kind: backend.kind, available: true, reason: null, device: /./ });
    });
  });

  if (subject.second !== undefined) await conformsWithTwo(t, { ...subject, second: subject.second });
}

/** What it promises of several models at the same time; also where answers of two backends differ in their last digits. */
export async function conformsWithTwo(t: Test, subject: Subject & { readonly second: ModelSource }): Promise<void> {
  const { source, second, isStrict = false } = subject;
  const answers: Answers = new Map([
    [source.id, await alone(subject, source)],
    [second.id, await alone(subject, second)],
  ]);

  async function withTwo(test: (one: LoadedModel, two: LoadedModel, backend: Backend) => Promise<void>): Promise<void> {
    const backend = await subject.open();
    try {
      await test(await backend.load(source), await backend.load(second), backend);
    } finally {
      await backend.close();
    }
  }
  /** On a strict device only after it was given to this one. */
  const give = async (model: LoadedModel) => void (isStrict && (await model.takeDevice!()));
  const answersRightly = async (model: LoadedModel) => {
    const found = await answersOf(model);
    return found.every((values, seed) => isRight(answers, model.id, seed, values));
  };

  await t.test('two models at once answer each as itself', async (t) => {
    await withTwo(async (one, two) => {
      if (isStrict) {
        await t.rejects(two.run(window(1)), { code: 'BACKEND_UNAVAILABLE', message: new RegExp(`holds ${one.id}`) });
        t.ok(await answersRightly(one));
        await give(two);
        await t.rejects(one.run(window(1)), { code: 'BACKEND_UNAVAILABLE', message: new RegExp(`holds ${two.id}`) });
        t.ok(await answersRightly(two));
        return;
      }
      t.same(await Promise.all([answersRightly(one), answersRightly(two), answersRightly(one)]), [true, true, true]);
    });
  });

  const closes = async (t: Test, gone: LoadedModel, stays: LoadedModel) => {
    const inFlight = gone.holdsDevice === false && isStrict ? null : gone.run(window(2));
    await gone.close();
    await inFlight;
    await t.rejects(gone.run(window(1)), { code: 'BACKEND_UNAVAILABLE' });
    if (stays.holdsDevice === false) await give(stays);
    t.ok(await answersRightly(stays));
  };

  await t.test('closing the first leaves the other', async (t) => {
    await withTwo(async (one, two, backend) => {
      await closes(t, one, two);
      t.match(backend.state(), { available: true });
    });
  });

  await t.test('closing the second leaves the other', async (t) => {
    await withTwo(async (one, two, backend) => {
      await closes(t, two, one);
      t.match(backend.state(), { available: true });
    });
  });

  await t.test('a device moves under load: nothing lost, nothing mixed, nothing failed where a CPU is', async (t) => {
    await withTwo(async (one, two) => {
      if (one.takeDevice === undefined) {
        t.equal(two.takeDevice, undefined, 'there is nothing to compete for');
        return;
      }
      let active = one;
      const load = startLoad(() => active, answers);
      await sleep(50);
      for (const next of [two, one]) {
        await next.takeDevice!();
        active = next;
        t.same([one.holdsDevice, two.holdsDevice], [next === one, next === two]);
        await sleep(100);
      }
      const outcome = await load.stop();
      t.match(outcome, { wrong: 0, lost: 0 });
      t.same(failedOtherwise(outcome, isStrict), []);
      for (const { id } of [one, two])
        t.ok(outcome.inferences.some((one) => one.id === id && one.inference.backend === 'hailo'));
    });
  });
}

async function alone({ open }: Subject, source: ModelSource): Promise<number[][]> {
  const backend = await open();
  try {
    return await answersOf(await backend.load(source));
  } finally {
    await backend.close();
  }
}

/** The stub knows no models, and answers for all of them alike. */
function isRight(answers: Answers, id: string, seed: number, values: readonly number[]): boolean {
  const [first, second] = [...answers.values()];
  if (String(first) === String(second)) return String(values) === String(first![seed]);
  return isOwn(answers, id, seed, values);
}

function failedOtherwise({ failed }: Outcome, isStrict: boolean): string[] {
  return failed.filter((code) => !isStrict || code !== 'BACKEND_UNAVAILABLE');
}
