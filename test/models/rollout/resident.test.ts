import t from 'tap';
import type { Backend, LoadedModel } from '../../../src/core/backend.ts';
import { SidecarError } from '../../../src/core/errors.ts';
import type { Ticket } from '../../../src/core/model.ts';
import { Resident } from '../../../src/models/rollout/resident.ts';
import { manifest } from '../../tasks/tcn/fakes.ts';

const IN_TIME: Ticket = { deadlineAt: 1e9, isGone: () => false };

/** A resident over a backend that answers as the test says; the stub's kind, for its golden windows prove nothing. */
async function world(run: LoadedModel['run']) {
  const clock = { now: 0 };
  const model: LoadedModel = { id: 'm@1', capacity: 4, lanes: 1, run, close: async () => {} };
  const state = { kind: 'stub', available: true, reason: null, device: 'd', degraded: null } as const;
  const backend: Backend = { kind: 'stub', state: () => state, load: async () => model, close: async () => {} };
  const bundle = { manifest: manifest(), head: null, artefacts: [], golden: { windows: [] } };
  const resident = new Resident({
    ref: null,
    bundle: bundle as unknown as Resident['bundle'],
    backend,
    prepare: (raw) => raw,
    toVectors: (_, outputs) => ({ latent: outputs.y!, scores: null }),
    convert: () => (input) => input.slice(),
    clock: () => clock.now,
    maxQueueSize: () => 8,
  });
  await resident.open();
  return { resident, clock, runner: resident.served!.runner };
}

const answer = async (input: Float32Array) =>
  ({ outputs: { y: input.slice() }, backend: 'stub', degraded: null }) as const;

/** Answers what warms it up, longer than any window of these tests, and fails on those. */
const onceUp = (error: SidecarError) => async (input: Float32Array) => {
  if (input.length === 1) throw error;
  return answer(input);
};

t.test('an input is free again only where nobody got it to keep', async (t) => {
  const { resident, clock, runner } = await world(answer);
  const isFree = async () => (await runner.run(Float32Array.of(1, 2), IN_TIME)).isInputFree;
  t.equal(await isFree(), false, 'it is time for a recent one');
  clock.now = 100;
  t.equal(await isFree(), true);
  resident.listeners.add(() => {});
  t.equal(await isFree(), false, 'somebody listens');
});

t.test('that a window comes too late counts against the model only where it had the usual time', async (t) => {
  const { resident, runner } = await world(onceUp(new SidecarError('DEADLINE_EXCEEDED', 'late')));
  const miss = (more: Partial<Ticket>) => runner.run(Float32Array.of(1), { ...IN_TIME, ...more }).catch(() => {});
  await miss({ isHurried: true });
  await miss({ batch: {} });
  t.same([resident.totals.late, resident.vitals.figures().late], [0, 0]);
  await miss({});
  t.same([resident.totals.late, resident.vitals.figures().late], [1, 1]);
});

t.test('a window that the backend fails on counts, however it came', async (t) => {
  const { resident, runner } = await world(onceUp(new SidecarError('BACKEND_FAILED', 'no')));
  await runner.run(Float32Array.of(1), { ...IN_TIME, batch: {}, isHurried: true }).catch(() => {});
  t.equal(resident.totals.errors, 1);
});
