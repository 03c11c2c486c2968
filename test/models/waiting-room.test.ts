import t from 'tap';
import { WaitingRoom } from '../../src/models/waiting-room.ts';

const entry = (name: string, batch?: object, enteredAt = 0) => ({
  name,
  enteredAt,
  ticket: batch === undefined ? {} : { batch },
});
type Entry = ReturnType<typeof entry>;

function emptied(room: WaitingRoom<Entry>): string[] {
  const names: string[] = [];
  for (let next = room.shift(); next !== undefined; next = room.shift()) names.push(next.name);
  return names;
}

t.test('single windows go first, batches take turns', async (t) => {
  const room = new WaitingRoom<Entry>();
  const [a, b] = [{}, {}];
  for (const name of ['a1', 'a2', 'a3']) room.push(entry(name, a));
  for (const name of ['b1', 'b2']) room.push(entry(name, b));
  room.push(entry('s1'));
  room.push(entry('s2'));
  t.same(emptied(room), ['s1', 's2', 'a1', 'b1', 'a2', 'b2', 'a3']);
  t.equal(room.size, 0);
});

t.test(
  'after four single windows one of a batch has its turn: a stream goes on beside any number of requests',
  async (t) => {
    const room = new WaitingRoom<Entry>();
    const [a, b] = [{}, {}];
    for (let i = 0; i < 5; i++) room.shift(); // what was before anybody waited does not count
    room.push(entry('a1', a));
    room.push(entry('b1', b));
    for (let i = 0; i < 10; i++) room.push(entry(`s${i}`));
    t.equal(room.aheadOf({}), 12, 'ten single ones, and the two that have their turn meanwhile');
    t.same(emptied(room), ['s0', 's1', 's2', 's3', 'a1', 's4', 's5', 's6', 's7', 'b1', 's8', 's9']);
  },
);

t.test('a batch that comes later waits for its turns only, not for all of the one before', async (t) => {
  const room = new WaitingRoom<Entry>();
  const [a, b] = [{}, {}];
  for (let i = 0; i < 50; i++) room.push(entry(`a${i}`, a));
  t.equal(room.aheadOf({ batch: b }), 1, 'one window of the other batch goes first');
  room.push(entry('b0', b));
  t.equal(room.aheadOf({ batch: b }), 3, 'two of the other, one of its own');
  t.equal(room.aheadOf({}), 0, 'nothing of batches goes before a single window');
  t.same([room.sizeFor({}), room.sizeFor({ batch: a })], [0, 51]);
});

t.test('a single window that comes between goes next', async (t) => {
  const room = new WaitingRoom<Entry>();
  const a = {};
  room.push(entry('a1', a));
  room.push(entry('a2', a));
  t.equal(room.shift()?.name, 'a1');
  room.push(entry('s'));
  t.same(emptied(room), ['s', 'a2']);
});

t.test('what is done is removed, the order of the others stays, and nobody is forgotten', async (t) => {
  const room = new WaitingRoom<Entry>();
  const [a, b] = [{}, {}];
  room.push(entry('s1'));
  room.push(entry('a1', a));
  room.push(entry('a2', a));
  room.push(entry('b1', b));
  room.prune(({ name }) => name === 'a1' || name === 'b1');
  t.equal(room.size, 2);
  t.same(emptied(room), ['s1', 'a2']);
});

t.test('the oldest is the one that came first, wherever it waits', async (t) => {
  const room = new WaitingRoom<Entry>();
  t.equal(room.oldestAt(), null);
  room.push(entry('s', undefined, 7));
  room.push(entry('a', {}, 5));
  t.equal(room.oldestAt(), 5);
});

t.test('a full room has a place for whoever has less waiting than another', async (t) => {
  const room = new WaitingRoom<Entry>();
  const [a, b] = [{}, {}];
  for (const name of ['a1', 'a2', 'a3']) room.push(entry(name, a));
  t.same([room.canMakeRoom({ batch: a }), room.canMakeRoom({ batch: b }), room.canMakeRoom({})], [false, true, false]);
  t.equal(room.makeRoom().name, 'a3');
  room.push(entry('b1', b));
  t.equal(room.canMakeRoom({ batch: b }), false, 'two and one: a swap would only turn it round');
  t.same(emptied(room), ['a1', 'b1', 'a2']);
  t.equal(room.size, 0);
});
