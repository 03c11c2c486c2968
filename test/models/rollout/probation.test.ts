import t, { type Test } from 'tap';
import { createProbation, type ProbationOutcome, type ProbationParts } from '../../../src/models/rollout/probation.ts';
import { LIMITS, vitalFigures } from './vital-figures.ts';

/** A probation that looks every millisecond, with a clock of its own; its timer alone keeps no test alive. */
function world(t: Pick<Test, 'teardown'>, change: Partial<ProbationParts> = {}) {
  const state = { now: 0, figures: vitalFigures({ answered: 612, median: 1.2 }), goldenRuns: 0 };
  const awake = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(awake));
  const outcomes: ProbationOutcome[] = [];
  const ended = Promise.withResolvers<ProbationOutcome>();
  const probation = createProbation({
    limits: LIMITS,
    clock: () => state.now,
    figures: () => state.figures,
    before: vitalFigures({ median: 1.1 }),
    runGolden: async () => {
      state.goldenRuns += 1;
    },
    onEnd: (outcome) => {
      outcomes.push(outcome);
      ended.resolve(outcome);
    },
    everyMs: 1,
    ...change,
  });
  return { state, probation, outcomes, ended: ended.promise };
}

const looks = () => new Promise((resolve) => setTimeout(resolve, 20));

t.test('a model without a breach is confirmed when its time is over, and says what that rests on', async (t) => {
  const { state, probation, ended, outcomes } = world(t);
  await looks();
  t.same([outcomes, state.goldenRuns, probation.remainingMs()], [[], 0, 60_000]);
  state.now = 59_999;
  t.equal(probation.remainingMs(), 1);
  await looks();
  t.same(outcomes, []);
  state.now = 60_000;
  t.same(await ended, { kind: 'confirmed', text: '612 requests, 0 errors, median 1.2 ms (before 1.1 ms)' });
  await looks();
  t.same([outcomes.length, state.goldenRuns, probation.remainingMs()], [1, 1, 0]);
});

t.test('a breach ends it at once, with its sentence and without another golden run', async (t) => {
  const { state, ended, outcomes } = world(t);
  await looks();
  state.figures = vitalFigures({ isConstant: true });
  t.same(await ended, { kind: 'failed', why: 'It gives the same latent whatever it is asked.' });
  state.now = 60_000;
  await looks();
  t.same([outcomes.length, state.goldenRuns], [1, 0]);
});

t.test('what may be a bad moment must be seen three times in a row', async (t) => {
  const { state, ended, outcomes } = world(t, { everyMs: 15 });
  const slow = vitalFigures({ median: 9 });
  const well = state.figures;
  let looked = 0;
  Object.defineProperty(state, 'figures', { get: () => (looked++ < 2 ? slow : looked < 4 ? well : slow) });
  t.match(await ended, { kind: 'failed', why: /median latency/ });
  t.equal(looked, 6, 'two slow looks, one that was well, three slow ones');
  t.equal(outcomes.length, 1);
});

t.test('what is certain need not wait for the next look', async (t) => {
  const { state, probation, outcomes } = world(t, { everyMs: 60_000 });
  state.figures = vitalFigures({ median: 9 });
  probation.look();
  t.same(outcomes, []);
  state.figures = vitalFigures({ answered: 1, errors: 1, notFinite: 1 });
  probation.look();
  t.match(outcomes, [{ kind: 'failed', why: /not finite/ }]);
});

t.test('golden windows that fail meanwhile end it at once, once', async (t) => {
  const { probation, outcomes } = world(t);
  probation.goldenFailed('Golden windows failed: cosine 0.5.');
  probation.goldenFailed('again');
  t.same(outcomes, [{ kind: 'failed', why: 'Golden windows failed: cosine 0.5.' }]);
});

t.test('golden windows that fail at the end fail the model', async (t) => {
  const { state, ended } = world(t, { runGolden: () => Promise.reject(new Error('cosine 0.5 (at least 0.99)')) });
  state.now = 60_000;
  const why = 'Its golden windows failed at the end of the probation: cosine 0.5 (at least 0.99)';
  t.same(await ended, { kind: 'failed', why });
});

t.test('golden windows without an answer fail the model too', async (t) => {
  const { state, ended } = world(t, { runGolden: () => new Promise(() => {}), timeoutMs: 5 });
  state.now = 60_000;
  const why = 'Its golden windows at the end of the probation got no answer within 5 ms.';
  t.same(await ended, { kind: 'failed', why });
});

t.test('few windows are named as what they are', async (t) => {
  const textAfter = async (story: Parameters<typeof vitalFigures>[0]) => {
    const { state, ended } = world(t, { before: null });
    state.figures = vitalFigures(story);
    state.now = 60_000;
    const outcome = await ended;
    return outcome.kind === 'confirmed' ? outcome.text : outcome.why;
  };
  t.equal(await textAfter({ answered: 0 }), 'by its golden windows alone: no requests were seen');
  t.equal(await textAfter({ answered: 1 }), 'by its golden windows alone: 1 request was seen');
  t.equal(await textAfter({ answered: 3 }), 'by its golden windows alone: only 3 requests were seen');
  t.equal(await textAfter({ answered: 999, errors: 1, late: 2 }), '1000 requests, 1 error, 2 late, median 1.0 ms');
  t.match(await textAfter({ answered: 0, errors: 4 }), /^4 of 4 windows failed/);
});

t.test('the median before is told only when it was measured on the same backend', async (t) => {
  const { state, ended } = world(t, { before: vitalFigures({ backend: 'cpu' }) });
  state.now = 60_000;
  t.match(await ended, { text: '612 requests, 0 errors, median 1.2 ms' });
});

t.test('a probation of no time confirms by the golden windows at once', async (t) => {
  const { ended } = world(t, { limits: { ...LIMITS, probationMs: 0 } });
  t.match(await ended, { kind: 'confirmed' });
});

t.test('a stopped one has no outcome, not even of golden windows under way', async (t) => {
  const golden = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const runGolden = () => {
    asked.resolve();
    return golden.promise;
  };
  const { state, probation, outcomes } = world(t, { runGolden });
  state.now = 60_000;
  await asked.promise;
  probation.stop();
  golden.resolve();
  await looks();
  t.same([outcomes, probation.remainingMs()], [[], 0]);
  probation.stop();
  probation.goldenFailed('too late');
  t.same(outcomes, []);
});

t.test('a longer time than a timer can wait is no time at all', async (t) => {
  let looked = 0;
  const figures = () => {
    looked += 1;
    return vitalFigures();
  };
  const limits = { ...LIMITS, probationMs: 2 ** 40 };
  const { state, probation, outcomes } = world(t, { limits, figures, everyMs: 2 ** 40 });
  await looks();
  t.same([outcomes, state.goldenRuns, looked, probation.remainingMs()], [[], 0, 0, 2 ** 40]);
  probation.stop();
  t.equal(probation.remainingMs(), 0);
});
