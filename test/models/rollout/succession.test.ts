import t from 'tap';
import { SidecarError } from '../../../src/core/errors.ts';
import { createSuccession, type SuccessionParts } from '../../../src/models/rollout/succession.ts';
import { activated, initialState, paused, started } from '../../../src/models/store/store-transitions.ts';

t.test('a disk that takes no writing keeps nobody from going on with a probation', async (t) => {
  const said: string[] = [];
  const full = new SidecarError('STORE_FAILED', 'the disk is full');
  const limits = { probationMs: 60_000 };
  const parts = {
    seats: { active: { isWatched: false, vitals: { figures: () => ({}) } } },
    store: { change: () => Promise.reject(full) },
    limits: () => limits,
    boot: 'this',
    clock: () => 0,
    log: { error: (_fields: object, text: string) => void said.push(text) },
    onChange: () => {},
  };
  const succession = createSuccession(parts as unknown as SuccessionParts);
  await succession.resume(paused(started(activated(initialState(), 'a@1', 'this'), 'this')));
  t.equal(succession.probationMs(), 60_000);
  t.equal(parts.seats.active.isWatched, true);
  t.same(said, ['the store cannot keep that a@1 serves: the disk is full']);
});
