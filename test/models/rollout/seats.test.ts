import t from 'tap';
import type { Resident } from '../../../src/models/rollout/resident.ts';
import { Seats } from '../../../src/models/rollout/seats.ts';

const resident = (id: string, failure: string | null = null) => {
  const [name, version] = id.split('@');
  return { id, failure: () => failure, bundle: { manifest: { name, version } } } as Resident;
};
const call = (headers: Record<string, string> = {}, requestId = 'r') => ({
  requestId,
  header: (name: string) => headers[name] ?? '',
});

t.test('who names a loaded version gets it; who names another is told which there are', async (t) => {
  const seats = new Seats(resident('a@1'));
  seats.candidate = { resident: resident('a@2'), mode: 'shadow', share: 0 };
  seats.standby = resident('a@0');
  const asked = (name: string) => seats.choose(call({ 'x-model': name })).id;
  t.same(['a@1', 'a@2', 'a@0', 'active', 'candidate'].map(asked), ['a@1', 'a@2', 'a@0', 'a@1', 'a@2']);
  t.throws(() => asked('a@9'), {
    code: 'MODEL_NOT_LOADED',
    message: /a@1 \(active\), a@2 \(candidate\), a@0 \(standby\)/,
  });
  t.equal(seats.choose(call()).id, 'a@1', 'a shadow answers nobody');
});

t.test('a canary gets its share by the sticky key, else by the request id, and none while it fails', async (t) => {
  const seats = new Seats(resident('a@1'));
  const choose = (failure: string | null, share: number, key: string) => {
    seats.candidate = { resident: resident('a@2', failure), mode: 'canary', share };
    return seats.choose(call({ 'x-sticky-key': key })).id;
  };
  const keys = Array.from({ length: 400 }, (_, i) => `collar-${i}`);
  const share = keys.filter((key) => choose(null, 0.25, key) === 'a@2').length / keys.length;
  t.ok(share > 0.15 && share < 0.35, `${share}`);
  t.same(new Set(keys.map((key) => choose('broken', 1, key))), new Set(['a@1']));
  seats.candidate = { resident: resident('a@2'), mode: 'canary', share: 0.5 };
  const byId = new Set(keys.map((id) => seats.choose(call({}, id)).id));
  t.same([...byId].sort(), ['a@1', 'a@2']);
});

t.test('a path that names a model is answered by that model alone', async (t) => {
  const seats = new Seats(resident('a@1'));
  seats.candidate = { resident: resident('b@1'), mode: 'canary', share: 1 };
  const choose = (name: string, version: string | null, headers = {}) =>
    seats.choose(call(headers), { name, version }).id;
  t.equal(seats.choose(call()).id, 'b@1', 'who names none gets the canary');
  t.same([choose('a', null), choose('a', '1'), choose('b', null)], ['a@1', 'a@1', 'b@1']);
  t.throws(() => choose('a', null, { 'x-model': 'b@1' }), { code: 'MODEL_NOT_LOADED', message: /X-Model/ });
  t.throws(() => choose('c', null), { code: 'MODEL_NOT_LOADED' });
  seats.candidate = { resident: resident('a@2'), mode: 'canary', share: 1 };
  t.same([choose('a', null), choose('a', '1')], ['a@2', 'a@1'], 'a canary of the same name has its share');
});
