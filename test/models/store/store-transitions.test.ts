import fc from 'fast-check';
import t from 'tap';
import { parseJournal } from '../../../src/models/store/store-journal.ts';
import { type ModelRef, PACKAGED, type StoreState } from '../../../src/models/store/store-state.ts';
import * as to from '../../../src/models/store/store-transitions.ts';

const AT = '2026-01-01T00:00:00Z';
const run = (...steps: ((state: StoreState) => StoreState)[]) =>
  steps.reduce((state, step) => step(state), to.initialState());
const activate = (ref: ModelRef) => (state: StoreState) => to.activated(state, ref, 'boot');
const candidate = (ref: ModelRef) => (state: StoreState) =>
  to.withCandidate(state, { ref, mode: 'canary', share: 0.05, phase: 'running' });
const revert = (state: StoreState) => to.reverted(state, 'it failed', AT);
const rollBack = (state: StoreState) => to.rolledBack(state, 'asked for', AT);
const view = ({ active, previous, candidate, probation, refused }: StoreState) => ({
  active,
  previous,
  candidate: candidate?.ref ?? null,
  onProbation: probation?.ref ?? null,
  refused: refused.map(({ ref }) => ref),
});

t.test('a model that is activated serves on probation, and the one before stays to go back to', async (t) => {
  t.strictSame(view(run(activate('a@1'))), {
    active: 'a@1',
    previous: PACKAGED,
    candidate: null,
    onProbation: 'a@1',
    refused: [],
  });
  t.match(run(activate('a@1'), to.confirmed, activate('a@2')), { active: 'a@2', previous: 'a@1' });
});

t.test('an unconfirmed model never becomes the previous one', async (t) => {
  const confirmedA = [activate('a@1'), to.confirmed];
  t.match(run(...confirmedA, activate('b@1'), activate('c@1')), { active: 'c@1', previous: 'a@1' });
  t.match(run(...confirmedA, activate('b@1'), activate('a@1')), { active: 'a@1', previous: null, probation: null });
  t.match(run(...confirmedA, activate('b@1'), revert), { active: 'a@1', previous: null });
  t.match(run(...confirmedA, activate('b@1'), rollBack), { active: 'a@1', previous: null });
});

t.test('a rollback from a confirmed model can be rolled back', async (t) => {
  const both = [activate('a@1'), to.confirmed, activate('b@1'), to.confirmed];
  t.strictSame(view(run(...both, rollBack)), {
    active: 'a@1',
    previous: 'b@1',
    candidate: null,
    onProbation: null,
    refused: ['b@1'],
  });
  t.match(view(run(...both, rollBack, rollBack)), { active: 'b@1', previous: 'a@1', refused: ['a@1'] });
});

t.test('the packaged model is what is left when there is no previous one; then nothing', async (t) => {
  const left = run(activate('a@1'), to.confirmed, activate('b@1'), revert);
  t.match(view(rollBack(left)), { active: PACKAGED, previous: 'a@1' });
  t.throws(() => rollBack(to.initialState()), { code: 'MODEL_REFUSED', message: /nothing|no model to go back to/ });
  t.throws(() => revert(to.initialState()), { code: 'MODEL_REFUSED' });
});

t.test(
  'a refusal is remembered once per model, the latest first, until the model is confirmed or put back',
  async (t) => {
    const state = run(activate('a@1'), revert, activate('b@1'), revert, activate('a@1'), revert);
    t.strictSame(
      state.refused.map(({ ref, why }) => [ref, why]),
      [
        ['a@1', 'it failed'],
        ['b@1', 'it failed'],
      ],
    );
    t.strictSame(view(to.confirmed(activate('b@1')(state))).refused, ['a@1']);
    const many = Array.from({ length: 30 }, (_, index) => `m@${index}`);
    const full = many.reduce((so, ref) => to.refused(so, { ref, why: 'x', at: AT }), to.initialState());
    t.strictSame([full.refused.length, full.refused[0]?.ref], [20, 'm@29']);
  },
);

t.test('a candidate is never the active model, and goes when it becomes that', async (t) => {
  t.throws(() => run(activate('a@1'), candidate('a@1')), { code: 'CONFLICT' });
  t.match(view(run(candidate('b@1'), activate('b@1'))), { active: 'b@1', candidate: null });
  t.match(view(run(candidate('b@1'), to.withoutCandidate)), { candidate: null });
  t.match(view(run(activate('a@1'), to.confirmed, activate('b@1'), candidate('a@1'), revert)), { candidate: null });
});

t.test('what changes nothing returns the state that it was given', async (t) => {
  const confirmed = run(activate('a@1'), to.confirmed);
  const withB = candidate('b@1')(confirmed);
  t.equal(activate('a@1')(confirmed), confirmed);
  t.equal(to.confirmed(confirmed), confirmed);
  t.equal(to.started(confirmed, 'boot'), confirmed);
  t.equal(to.paused(confirmed), confirmed);
  t.equal(to.withoutCandidate(confirmed), confirmed);
  t.equal(candidate('b@1')(withB), withB);
});

t.test('at start only a probation that was not stopped in order in this boot is reverted', async (t) => {
  const waiting = run(activate('a@1'));
  const running = to.started(waiting, 'boot');
  const verdicts = {
    confirmed: to.judgeStart(to.confirmed(running), 'boot'),
    waiting: to.judgeStart(waiting, 'another boot'),
    died: to.judgeStart(running, 'boot'),
    paused: to.judgeStart(to.paused(running), 'boot'),
    powerCut: to.judgeStart(running, 'another boot'),
    restarted: to.judgeStart(to.paused(running), 'another boot'),
    goneOn: to.judgeStart(to.started(to.paused(running), 'boot'), 'boot'),
  };
  t.match(verdicts, {
    confirmed: 'serve',
    waiting: 'serve',
    died: { revert: /daemon died while a@1/ },
    paused: 'serve',
    powerCut: { revert: /machine was restarted before a@1/ },
    restarted: { revert: /machine was restarted/ },
    goneOn: { revert: /daemon died/ },
  });
});

t.test('what a state names is protected; a model whose files are gone can be forgotten', async (t) => {
  const state = run(activate('a@1'), to.confirmed, activate('b@1'), candidate('c@1'));
  const refs = [PACKAGED, 'a@1', 'b@1', 'c@1', 'd@1'];
  t.strictSame(
    refs.map((ref) => to.isProtected(state, ref)),
    [true, true, true, true, false],
  );
  t.match(view(to.forgotten(to.forgotten(state, 'a@1'), 'c@1')), { active: 'b@1', previous: null, candidate: null });
  t.match(view(revert(to.forgotten(state, 'a@1'))), { active: PACKAGED });
});

t.test(
  'whatever is done in whatever order: previous is confirmed, roles differ, the journal can be read again',
  async (t) => {
    const ref = fc.constantFrom(PACKAGED, 'a@1', 'b@1', 'c@1');
    const step = fc.oneof(
      ref.map((r) => activate(r)),
      ref.map((r) => candidate(r)),
      ref.map((r) => (state: StoreState) => to.forgotten(state, r)),
      fc.constantFrom<(state: StoreState) => StoreState>(
        to.confirmed,
        to.paused,
        to.withoutCandidate,
        revert,
        rollBack,
        (state) => to.started(state, 'boot'),
      ),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), holdsAfterEach), { numRuns: 500 });
    t.pass('500 histories');
  },
);

function holdsAfterEach(steps: readonly ((state: StoreState) => StoreState)[]): boolean {
  const confirmed = new Set<ModelRef | null>([PACKAGED, null]);
  let state = to.initialState();
  return steps.every((step) => {
    state = orSame(step, state);
    if (state.probation === null) confirmed.add(state.active);
    return isSound(state, confirmed);
  });
}

function isSound(state: StoreState, confirmed: ReadonlySet<ModelRef | null>): boolean {
  const { active, previous, candidate, probation } = state;
  const differ = previous !== active && candidate?.ref !== active;
  const ofActive = probation === null || probation.ref === active;
  return confirmed.has(previous) && differ && ofActive && 'state' in parseJournal(JSON.stringify(state));
}

function orSame(step: (state: StoreState) => StoreState, state: StoreState): StoreState {
  try {
    return step(state);
  } catch {
    return state;
  }
}
