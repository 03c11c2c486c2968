import t from 'tap';
import { SidecarError } from '../../../src/core/errors.ts';
import { createChanges } from '../../../src/models/rollout/changes.ts';
import type { Comeback, ComebackParts } from '../../../src/models/rollout/comeback.ts';
import { createDebts } from '../../../src/models/rollout/debts.ts';
import type { StoreState } from '../../../src/models/store/store-state.ts';
import { activated, initialState, reverted, started } from '../../../src/models/store/store-transitions.ts';

t.test('what the store could not take is told it before anything else is, once', async (t) => {
  let state: StoreState = started(activated(initialState(), 'm@2', 'boot'), 'boot');
  let isFull = true;
  let changes = 0;
  const said: string[] = [];
  const parts = {
    store: {
      read: async () => state,
      change: async (transition: (now: StoreState) => StoreState) => {
        if (isFull) throw new SidecarError('STORE_FAILED', 'the disk is full');
        changes += 1;
        state = transition(state);
        return state;
      },
    },
    log: { error: (_fields: object, text: string) => void said.push(text) },
    now: () => 'now',
    onChange: () => {},
  } as unknown as ComebackParts;
  const debts = createDebts(parts, createChanges());
  t.equal(await debts.settle(), state, 'nothing is owed');
  const comeback = {
    why: 'it failed',
    transition: reverted,
    back: { ref: 'packaged', id: 'p@1' },
    failed: { id: 'm@2' },
  };
  const owed = debts.owe(comeback as unknown as Comeback);
  await t.rejects(owed, {
    code: 'STORE_FAILED',
    message: /p@1 serves again, but the store cannot keep that, and m@2 may be back/,
  });
  await t.rejects(debts.settle(), { code: 'STORE_FAILED' }, 'nobody writes over it');
  t.match(said[0], /tried again/);
  isFull = false;
  t.match(await debts.settle(), { active: 'packaged', probation: null, refused: [{ ref: 'm@2', why: 'it failed' }] });
  await debts.settle();
  t.equal(changes, 1);
});
