import type { Test } from 'tap';
import type { Backend, LoadedModel, ModelSource } from '../../src/core/backend.ts';

/** What core/backend.ts promises, asked of every backend alike. */
export interface Subject {
  open(): Promise<Backend>;
  readonly source: ModelSource;
}

const window = (seed: number) => Float32Array.from({ length: 900 }, (_, i) => Math.sin(seed * 1.7 + i / 50));

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
}
