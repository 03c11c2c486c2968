import t from 'tap';
import type { Claim } from '../src/claim.ts';
import type { Config } from '../src/config/schema.ts';
import { SidecarError } from '../src/core/errors.ts';
import { type FirstModelParts, openFirstModel } from '../src/first-model.ts';
import type { Store } from '../src/models/store/store.ts';
import { PACKAGED, type StoreState } from '../src/models/store/store-state.ts';
import { activated, confirmed, initialState, paused, started } from '../src/models/store/store-transitions.ts';
import { INSTALLED_MODEL } from '../src/system/bundled-model.ts';

const BOOT = 'this boot';
const broken = new SidecarError('MODEL_INVALID', 'a file is missing');

/** A start over a store in memory; models in `bad` cannot be loaded. */
function world(state: StoreState, bad: readonly string[] = [], claim: Claim = 'ours') {
  const books = { state, failures: [] as SidecarError[] };
  const said: string[] = [];
  const opened: string[] = [];
  const say = (_fields: object, text: string) => void said.push(text);
  const store = {
    read: async () => books.state,
    change: async (transition: (now: StoreState) => StoreState) => {
      const failure = books.failures.shift();
      if (failure !== undefined) throw failure;
      books.state = transition(books.state);
      return books.state;
    },
  } as unknown as Store;
  const parts: FirstModelParts = {
    config: { model: { bundle: INSTALLED_MODEL, store: '/models' } } as Config,
    opener: {
      configured: () => Promise.reject(new Error('not pinned')),
      open: async (ref) => {
        opened.push(`${ref} ${books.state.probation?.phase ?? 'confirmed'}`);
        if (bad.includes(ref)) throw broken;
        return { ref } as never;
      },
    },
    store,
    claim: { take: async () => claim, release: async () => {}, refusal: null },
    boot: BOOT,
    log: { debug: say, info: say, warn: say, error: say },
    now: () => 'now',
  };
  return { parts, books, said, opened };
}

const served = async ({ parts }: ReturnType<typeof world>) => (await openFirstModel(parts)).resident.ref;
const onProbation = activated(confirmed(activated(initialState(), 'm@1', BOOT)), 'm@2', BOOT);

t.test(
  'a model on probation is marked as running before it is loaded: one that kills the process is taken back next time',
  async (t) => {
    const first = world(onProbation);
    t.equal(await served(first), 'm@2');
    t.same(first.opened, ['m@2 running']);
    const second = world(first.books.state);
    t.equal(await served(second), 'm@1');
    t.match(second.books.state.refused, [{ ref: 'm@2', why: /died/ }]);
  },
);

t.test('a start that is given up in order leaves it paused', async (t) => {
  const { parts, books } = world(paused(started(onProbation, BOOT)));
  let undo = async () => {};
  await openFirstModel({
    ...parts,
    onAbandon: (step) => {
      undo = step;
    },
  });
  t.equal(books.state.probation?.phase, 'running');
  await undo();
  t.equal(books.state.probation?.phase, 'paused');
});

t.test('a model that cannot be loaded gives way to the one before, and that to the packaged one', async (t) => {
  t.equal(await served(world(onProbation, ['m@2'])), 'm@1');
  const both = world(onProbation, ['m@2', 'm@1']);
  t.equal(await served(both), PACKAGED);
  t.match(both.books.state, { active: PACKAGED, refused: [{ ref: 'm@1' }, { ref: 'm@2' }] });
  await t.rejects(served(world(initialState(), [PACKAGED])), { code: 'MODEL_INVALID' });
});

t.test('a store that is busy for a moment does not make it forget the model before', async (t) => {
  const busy = world(confirmed(onProbation), ['m@2']);
  busy.books.failures.push(new SidecarError('CONFLICT', 'somebody has the lock'));
  t.equal(await served(busy), 'm@1');
  t.match(busy.said.join(), /cannot keep that m@2 was taken back/);

  const lost = world(confirmed(onProbation), ['m@2']);
  lost.books.failures.push(new SidecarError('MODEL_MISSING', 'm@1 was deleted by hand'));
  t.equal(await served(lost), PACKAGED);
});

t.test('a full disk keeps no model from serving', async (t) => {
  const full = world(paused(started(onProbation, BOOT)));
  full.books.failures.push(new SidecarError('STORE_FAILED', 'the disk is full'));
  t.equal(await served(full), 'm@2');
  t.match(full.said.join(), /cannot keep that m@2 serves: the disk is full/);
});

t.test('who only reads the store judges nobody, and gets by without a model that cannot be loaded', async (t) => {
  const other = world(started(onProbation, BOOT), [], 'others');
  t.match(await openFirstModel(other.parts), { resident: { ref: 'm@2' }, books: null });
  const bad = world(started(onProbation, BOOT), ['m@2'], 'others');
  t.equal(await served(bad), 'm@1');
  t.same(bad.books.state, started(onProbation, BOOT), 'and writes nothing');
});
