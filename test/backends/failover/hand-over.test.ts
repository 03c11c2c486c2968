import t from 'tap';
import { whyNoStandIn } from '../../fakes/hailort/build.ts';
import { insertChip } from '../../fakes/stand-in-chip.ts';
import { conformsWithTwo } from '../conformance.ts';
import { type Answers, answersOf, sleep, startLoad } from '../load.ts';
import { proofOf, withoutHef, writeOtherModel } from '../other-model.ts';
import { build, onCpu, onDevice, open, where } from './on-chip.ts';

const skip = whyNoStandIn();

t.test('a device with the CPU behind it keeps the promises of several models at once', { skip }, async (t) => {
  const chip = insertChip(t);
  const source = { ...chip.source, prove: proofOf(1) };
  await conformsWithTwo(t, { open: () => open(chip), source, second: writeOtherModel(chip, 2) });
});

t.test('a later model is the CPU’s until it takes the device, and is not degraded by that', { skip }, async (t) => {
  const { chip, backend, load } = await build(t);
  const [one, two] = [await load(), await load(writeOtherModel(chip, 2))];
  t.same([await where(one), await where(two)], [onDevice, onCpu]);
  t.same([one.holdsDevice, two.holdsDevice], [true, false]);
  t.same([one.capacity, two.capacity], [12, 2]);
  await two.takeDevice!();
  t.same([await where(one), await where(two)], [onCpu, onDevice]);
  t.same([one.capacity, two.capacity], [2, 12]);
  t.match(backend.state(), { kind: 'hailo', available: true, degraded: null });
  await one.close();
  t.same(await where(two), onDevice);
});

t.test('while the device is moved, the former holder’s answers, and nobody else’s, say so', { skip }, async (t) => {
  const { chip, backend, told, load } = await build(t);
  const [one, two, three] = [await load(), await load(writeOtherModel(chip, 2)), await load(writeOtherModel(chip, 3))];
  const taking = two.takeDevice!();
  await new Promise((resolve) => setImmediate(resolve));
  const why = 'the device is being given to tiny@2; the CPU computes meanwhile';
  t.match(backend.state(), { kind: 'cpu', available: true, degraded: why });
  t.same(await Promise.all([one, two, three].map(where)), [{ backend: 'cpu', degraded: why }, onCpu, onCpu]);
  await taking;
  t.equal(told.includes(why), true);
  t.equal(told.at(-1), null);
});

t.test('two that take the device at once, and a close between, lose no window', { skip }, async (t) => {
  const { chip, load } = await build(t);
  const [one, two, three] = [await load(), await load(writeOtherModel(chip, 2)), await load(writeOtherModel(chip, 3))];
  const answers: Answers = new Map(
    await Promise.all([one, two, three].map(async (model) => [model.id, await answersOf(model)] as const)),
  );
  const loads = [one, three].map((model) => startLoad(() => model, answers));
  const taking = [two.takeDevice!().catch((thrown: { code: string }) => thrown.code), three.takeDevice!()];
  await sleep(50);
  await two.close();
  t.same(await Promise.all(taking), ['BACKEND_UNAVAILABLE', undefined]);
  for (const load of loads) t.match(await load.stop(), { wrong: 0, lost: 0, failed: [] });
  t.same([await where(one), await where(three)], [onCpu, onDevice]);
});

t.test('a first model without a .hef leaves the device to the second, once that takes it', { skip }, async (t) => {
  const { chip, backend, first, load } = await build(t);
  const one = await load(withoutHef(first));
  const two = await load(writeOtherModel(chip, 2));
  t.match(await where(one), { backend: 'cpu', degraded: /^The bundle of tiny@1 has no \.hef/ });
  t.match(await where(two), { backend: 'cpu', degraded: /^No model has the Hailo device/ });
  t.notOk(
    chip.calls().some((call) => call.startsWith('hailo_create_vdevice')),
    'it is not opened before',
  );
  await two.takeDevice!();
  t.same([await where(one), await where(two)], [onCpu, onDevice]);
  t.match(backend.state(), { kind: 'hailo', degraded: null });
});

t.test(
  'a second model without a .hef leaves the device where it is; it idles, and is told, after that',
  { skip },
  async (t) => {
    const { chip, backend, told, load } = await build(t);
    const [one, two] = [await load(), await load(withoutHef(writeOtherModel(chip, 2)))];
    await two.takeDevice!();
    t.same([await where(one), await where(two)], [onDevice, onCpu]);
    t.match(backend.state(), { kind: 'hailo', degraded: null });
    await chip.script('delay hailo_release_vdevice 600'); // the CPU lets go sooner
    await one.close();
    const why = /^The bundle of tiny@2 has no \.hef/;
    t.match(backend.state(), { kind: 'cpu', available: true, degraded: why });
    t.match(await where(two), { backend: 'cpu', degraded: why });
    t.match(told.at(-1), why);
  },
);

t.test(
  'without a chip nothing is amiss with any of them; one that comes later is the last taker’s',
  { skip },
  async (t) => {
    const { chip, backend, load } = await build(t);
    chip.pullOut();
    const [one, two] = [await load(), await load(writeOtherModel(chip, 2))];
    t.same([await where(one), await where(two)], [onCpu, onCpu]);
    const taking = two.takeDevice!();
    t.same([await where(one), await where(two)], [onCpu, onCpu]);
    await taking;
    t.match(backend.state(), { kind: 'cpu', degraded: null });
    chip.plugIn();
    while (backend.state().kind !== 'hailo') await sleep(5);
    t.same([await where(one), await where(two)], [onCpu, onDevice]);
  },
);

t.test('a close without the device changes of whom the state speaks, and that is told', { skip }, async (t) => {
  const { chip, backend, told, first, load } = await build(t);
  await load(withoutHef(first));
  const two = await load(writeOtherModel(chip, 2));
  t.match(backend.state(), { kind: 'cpu', degraded: /^No model has the Hailo device/ });
  await two.close();
  t.match(told.at(-1) ?? '', /^The bundle of tiny@1 has no \.hef/);
});
