import t from 'tap';
import type { BackendKind } from '../../../src/core/backend.ts';
import { ERRORS, type ErrorCode } from '../../../src/core/errors.ts';
import { createVitals, indexOfMax, toFailureKind, type VitalsParts } from '../../../src/models/rollout/vitals.ts';

const took = (serviceMs: number, backend: BackendKind = 'hailo') => ({
  outputs: {},
  backend,
  degraded: null,
  queueMs: 1000,
  inferMs: 10 * serviceMs, // behind nine others
  serviceMs,
  isInputFree: false,
});

function world(parts: Partial<VitalsParts> = {}) {
  const clock = { now: 100 };
  const vitals = createVitals({ clock: () => clock.now, ...parts });
  const answer = (
    latent: number[],
    { ms = 1, backend = 'hailo' as BackendKind, scores = null as number[] | null } = {},
  ) =>
    vitals.answered(
      took(ms, backend),
      { latent: Float32Array.from(latent), scores: scores && Float32Array.from(scores) },
      Float32Array.from(latent),
    );
  return { vitals, clock, answer };
}

t.test('a model that has done nothing has no figures, and claims none', async (t) => {
  const { vitals, clock } = world();
  clock.now = 350;
  const figures = vitals.figures();
  t.match(figures, { ageMs: 250, answered: 0, errors: 0, notFinite: 0, late: 0, errorRatio: null, latencyMs: null });
  t.match(figures, { backend: null, isConstant: null });
  t.equal(figures.latencyByBackend.size + figures.topMotifs.size, 0);
});

t.test('only what is the fault of the model counts as an error; refusals under load count as nothing', async (t) => {
  const kinds = new Map<string, ErrorCode[]>();
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const kind = toFailureKind(code);
    kinds.set(kind, [...(kinds.get(kind) ?? []), code]);
  }
  t.same(kinds.get('error'), ['BACKEND_FAILED', 'INTERNAL']);
  t.same(kinds.get('late'), ['DEADLINE_EXCEEDED']);
  t.ok(
    ['QUEUE_FULL', 'CLIENT_GONE', 'SHUTTING_DOWN'].every((code) => kinds.get('refusal')?.includes(code as ErrorCode)),
  );
});

t.test('the error ratio is errors of answers and errors; late windows and refusals are beside it', async (t) => {
  const { vitals, answer } = world();
  for (let i = 0; i < 3; i++) answer([i, 1]);
  vitals.failed('BACKEND_FAILED');
  for (let i = 0; i < 5; i++) vitals.failed('DEADLINE_EXCEEDED');
  for (let i = 0; i < 7; i++) vitals.failed('QUEUE_FULL');
  t.match(vitals.figures(), { answered: 3, errors: 1, late: 5, errorRatio: 0.25 });
});

t.test('times are of the backend, of all windows and apart by where they were computed', async (t) => {
  const { vitals, answer } = world();
  for (let i = 0; i < 3; i++) answer([i], { ms: 2 });
  for (let i = 0; i < 5; i++) answer([i], { ms: 9, backend: 'cpu' });
  const { latencyMs, latencyByBackend, backend } = vitals.figures();
  t.same(latencyMs, { windows: 8, median: 9, p99: 9 });
  t.same(Object.fromEntries(latencyByBackend), {
    hailo: { windows: 3, median: 2, p99: 2 },
    cpu: { windows: 5, median: 9, p99: 9 },
  });
  t.equal(backend, 'cpu', 'which has answered the most');
});

t.test('an answer with a number that is none is an error, and spoils no figure', async (t) => {
  const { vitals, answer } = world();
  answer([1, 3]);
  answer([Number.NaN, 3]);
  answer([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  answer([3.4e38, 3.4e38]);
  t.match(vitals.figures(), { answered: 2, errors: 2, notFinite: 2 });
  vitals.invalid();
  t.match(vitals.figures(), { answered: 2, errors: 3, notFinite: 3 });
});

t.test('top motifs are counted by index, a model without scores has none', async (t) => {
  const { vitals, answer } = world();
  answer([1], { scores: [0.1, 0.7, 0.2] });
  answer([1], { scores: [0.1, 0.2, 0.7] });
  answer([1], { scores: [0, 0.2, 0.7] });
  answer([1]);
  t.same(Object.fromEntries(vitals.figures().topMotifs), { 1: 1, 2: 2 });
});

t.test('the first of equal scores is the top, nothing has no top', async (t) => {
  t.same(
    [[0.5, 0.5], [-3, -1, -2], []].map((scores) => indexOfMax(Float32Array.from(scores))),
    [0, 1, -1],
  );
});

t.test('moving latents are told from constant ones', async (t) => {
  const still = world();
  const moving = world();
  for (let i = 0; i < 64; i++) {
    still.vitals.answered(took(1), { latent: Float32Array.of(11, 4), scores: null }, Float32Array.of(i));
    moving.answer([i % 2 === 0 ? 1 : -1, 4]);
  }
  t.equal(moving.vitals.figures().isConstant, false);
  t.equal(still.vitals.figures().isConstant, true);
});

t.test('figures are a copy: a later window changes none that were taken', async (t) => {
  const { vitals, answer } = world();
  answer([1, 2], { scores: [1, 0] });
  const before = vitals.figures();
  answer([9, 9], { ms: 50, scores: [0, 1] });
  t.match(before, { answered: 1, latencyMs: { windows: 1, median: 1 } });
  t.same(Object.fromEntries(before.topMotifs), { 0: 1 });
});

t.test('a window of which nobody wants to know what it said counts with its time alone', async (t) => {
  const { vitals } = world();
  for (let i = 0; i < 64; i++) vitals.answered(took(3), null, Float32Array.of(i));
  t.match(vitals.figures(), { answered: 64, errors: 0, backend: 'hailo', latencyMs: { windows: 64, median: 3 } });
  t.equal(vitals.figures().isConstant, null);
});
