import t from 'tap';
import { createFailover } from '../../../src/backends/failover/backend.ts';
import type { Backend, BackendState, Inference, LoadedModel, ModelSource } from '../../../src/core/backend.ts';

const source: ModelSource = {
  id: 'tiny@1',
  input: { name: 'x', shape: [1] },
  outputs: [],
  artefacts: [{ kind: 'hef', path: '', sha256: '' }],
};
const window = () => new Float32Array(1);
const answerOf = (backend: 'hailo' | 'cpu'): Inference => ({ outputs: {}, backend, degraded: null });

/** A backend whose answers the test gives. */
function fake(kind: 'hailo' | 'cpu', run: () => Promise<Inference>, demoted: string[] = []): Backend {
  const state: BackendState = { kind, available: true, reason: null, device: kind, degraded: null };
  const demote = (reason: string) => void demoted.push(reason);
  const model: LoadedModel = { id: 'tiny@1', capacity: 1, lanes: 1, run, demote, close: async () => {} };
  return { kind, state: () => state, load: async () => model, close: async () => {} };
}

async function build(onCpu: () => Promise<Inference> = async () => answerOf('cpu')) {
  const held: PromiseWithResolvers<Inference>[] = [];
  const demoted: string[] = [];
  const onDevice = () => {
    const one = Promise.withResolvers<Inference>();
    held.push(one);
    return one.promise;
  };
  const failover = createFailover(fake('hailo', onDevice, demoted), fake('cpu', onCpu), () => null);
  return { model: await failover.load(source), held, demoted };
}

/** Lets the device answer what it holds, and its answers arrive. */
async function release(held: PromiseWithResolvers<Inference>[]) {
  for (const one of held.splice(0)) one.resolve(answerOf('hailo'));
  await new Promise((resolve) => setImmediate(resolve));
}

t.test('a device that answers is asked alone', async (t) => {
  const { model, held } = await build(() => t.fail('the CPU is asked') as never);
  const running = model.run(window());
  await release(held);
  t.match(await running, { backend: 'hailo', degraded: null });
});

t.test('each stall is helped, also after one that took long: a stall is nothing to get used to', async (t) => {
  const { model, held } = await build();
  for (let i = 0; i < 3; i++) {
    t.match(await model.run(window()), { backend: 'cpu', degraded: /slow to answer/ }, 'while the device holds it');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await release(held);
  }
});

t.test('while it stalls the device is not given more windows', async (t) => {
  const { model, held } = await build();
  await model.run(window());
  await model.run(window());
  t.equal(held.length, 1);
  await release(held);
  void model.run(window());
  t.equal(held.length, 1);
});

t.test('a device that stalls again and again is put out of service', async (t) => {
  const { model, held, demoted } = await build();
  for (let i = 0; i < 5; i++) {
    await model.run(window());
    await release(held);
  }
  t.match(demoted, [/slow 5 times within 10 s/]);
});

t.test('a CPU that cannot help leaves the device its time', async (t) => {
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { model, held } = await build(async () => {
    asked();
    throw new Error('no help');
  });
  const running = model.run(window());
  await isAsked;
  await release(held);
  t.match(await running, { backend: 'hailo' });
});
