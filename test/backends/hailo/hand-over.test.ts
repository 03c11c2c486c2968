import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createHailoBackend, type HailoBackendParts } from '../../../src/backends/hailo/backend.ts';
import type { LoadedModel } from '../../../src/core/backend.ts';
import { startDeviceHost } from '../../../src/parts.ts';
import { whyNoStandIn } from '../../fakes/hailort/build.ts';
import { insertChip, type StandInChip, settingsFor } from '../../fakes/stand-in-chip.ts';
import { HAND_OVER_FAULTS, TAKE_MS, untilOpening } from '../hand-over.ts';
import { type Answers, answersOf, sleep, startLoad, windowOf } from '../load.ts';
import { proofOf, writeOtherModel } from '../other-model.ts';

const skip = whyNoStandIn();
const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const openOn = (chip: StandInChip, change: Partial<HailoBackendParts> = {}) =>
  createHailoBackend({
    settings: settingsFor(chip.library),
    startHost: startDeviceHost,
    log,
    root: chip.root,
    retryDelayMs: () => 20,
    takeMs: TAKE_MS,
    ...change,
  });

function build(t: Test, change: Partial<HailoBackendParts> = {}) {
  const chip = insertChip(t);
  process.env.STANDIN_HAILORT_LOCK = join(chip.root, 'lock'); // as with the driver, a second process gets nothing
  const told: string[] = [];
  const onChange = () => void told.push(backend.state().reason ?? 'serves');
  const backend = openOn(chip, { onChange, ...change });
  t.teardown(() => backend.close());
  return { chip, backend, told, first: { ...chip.source, prove: proofOf(1) } };
}

async function answers(model: LoadedModel): Promise<Answers> {
  return new Map([[model.id, await answersOf(model)]]);
}

/** Nobody asked for it while another process still had it. */
function isNeverShared(calls: readonly string[]): boolean {
  return !calls.some((call) => /^hailo_create_vdevice [1-9]/.test(call));
}

for (const { what, reason, second, script, during } of HAND_OVER_FAULTS) {
  t.test(`${what} gives the device back to the model before, and the reason is told`, { skip }, async (t) => {
    const { chip, backend, first } = build(t);
    const [one, two] = [await backend.load(first), await backend.load(second(chip))];
    const load = startLoad(() => one, await answers(one));
    if (script !== undefined) await chip.script(script);
    const refused = t.rejects(two.takeDevice!(), { code: 'MODEL_REFUSED', message: reason });
    await Promise.all([refused, during?.(chip)]);
    await chip.script();
    while (!backend.state().available) await sleep(5);
    t.same([one.holdsDevice, two.holdsDevice], [true, false]);
    await t.rejects(two.run(windowOf(1)), { code: 'BACKEND_UNAVAILABLE', message: /holds tiny@1/ });
    t.match(await one.run(windowOf(1)), { backend: 'hailo', degraded: null });
    const outcome = await load.stop();
    t.match(outcome, { wrong: 0, lost: 0 });
    t.same(
      [...new Set(outcome.failed)].filter((code) => code !== 'BACKEND_UNAVAILABLE'),
      [],
    );
  });
}

t.test('while it is moved the device says to whom, and then who has it', { skip }, async (t) => {
  const { chip, backend, told, first } = build(t);
  const one = await backend.load(first);
  const two = await backend.load(writeOtherModel(chip, 2));
  const taking = two.takeDevice!();
  await new Promise((resolve) => setImmediate(resolve));
  t.match(backend.state(), { available: false, reason: 'The Hailo device is being given to tiny@2.' });
  const message = /is being given to tiny@2\. tiny@1 does not answer/;
  await t.rejects(one.run(windowOf(1)), { code: 'BACKEND_UNAVAILABLE', message });
  await taking;
  t.match(backend.state(), { available: true, device: /^Hailo-8/ });
  t.match(told, ['serves', /being given/, /being given/, 'serves']);
  await two.takeDevice!();
  t.equal(chip.calls().filter((call) => /^hailo_create_vdevice/.test(call)).length, 2, 'who has it need not take it');
});

t.test('windows in flight are answered before the device is taken away', { skip }, async (t) => {
  const { chip, backend, first } = build(t);
  const [one, two] = [await backend.load(first), await backend.load(writeOtherModel(chip, 2))];
  await chip.script('device_us 20000');
  const inFlight = Array.from({ length: 8 }, (_, seed) => one.run(windowOf(seed)));
  const [ends] = await Promise.all([Promise.all(inFlight), two.takeDevice!()]);
  t.same([...new Set(ends.map(({ backend: kind }) => kind))], ['hailo']);
});

t.test('two that take the device at once get it one after the other', { skip }, async (t) => {
  const { chip, backend, first } = build(t);
  await backend.load(first);
  const [two, three] = [await backend.load(writeOtherModel(chip, 2)), await backend.load(writeOtherModel(chip, 3))];
  await chip.script('delay hailo_release_vdevice 600');
  await Promise.all([two.takeDevice!(), three.takeDevice!()]);
  t.same([two.holdsDevice, three.holdsDevice], [false, true]);
  t.equal((await three.run(windowOf(1))).backend, 'hailo');
  await backend.close();
  t.ok(isNeverShared(chip.calls()), chip.calls().join('\n'));
  t.equal(chip.calls().at(-1), 'hailo_release_vdevice 0');
});

t.test('a model that is closed while it takes the device does not get it; the one before does', { skip }, async (t) => {
  for (const until of [nothing, untilOpening]) {
    const { chip, backend, first } = build(t);
    const [one, two] = [await backend.load(first), await backend.load(writeOtherModel(chip, 2))];
    await chip.script('delay hailo_configure_vdevice 500');
    const taking = t.rejects(two.takeDevice!(), { code: 'BACKEND_UNAVAILABLE', message: /tiny@2 was closed/ });
    await until(chip);
    await Promise.all([taking, two.close()]);
    t.equal(one.holdsDevice, true);
    t.equal((await one.run(windowOf(1))).backend, 'hailo');
    await backend.close();
    t.ok(isNeverShared(chip.calls()));
  }
});

t.test(
  'a holder that is closed while its device is taken is not opened again, whatever becomes of it',
  { skip },
  async (t) => {
    for (const prove of [proofOf(4), proofOf(9)]) {
      const { chip, backend, first } = build(t);
      const [one, two] = [await backend.load(first), await backend.load({ ...writeOtherModel(chip, 2), prove })];
      const taking = two.takeDevice!().then(
        () => null,
        (thrown: Error) => thrown.message,
      );
      await one.close();
      const refusal = await taking;
      t.equal(one.holdsDevice, false);
      if (refusal === null) t.equal((await two.run(windowOf(1))).backend, 'hailo');
      else
        t.match(
          [refusal, backend.state().reason],
          [/the golden window is off by [\d.]+$/, /^No model has the Hailo device/],
        );
      await backend.close();
      t.equal(chip.calls().filter((call) => call === 'hailo_create_vdevice 0').length, 2);
      t.equal(chip.calls().at(-1), 'hailo_release_vdevice 0');
    }
  },
);

t.test('closing the backend ends a hand-over and releases everything', { skip }, async (t) => {
  for (const until of [nothing, untilOpening]) {
    const { chip, backend, first } = build(t);
    await backend.load(first);
    const two = await backend.load(writeOtherModel(chip, 2));
    await chip.script('delay hailo_configure_vdevice 500');
    const taking = t.rejects(two.takeDevice!(), { code: 'BACKEND_UNAVAILABLE', message: /was closed/ });
    await until(chip);
    await Promise.all([taking, backend.close()]);
    await t.rejects(two.takeDevice!(), { code: 'BACKEND_UNAVAILABLE' });
    await chip.script();
    const next = openOn(chip);
    await next.load(first);
    t.match(next.state(), { available: true });
    await next.close();
  }
});

t.test(
  'a device that serves nobody is taken without waiting for it, and serves the new one later',
  { skip },
  async (t) => {
    const { chip, backend, first } = build(t);
    chip.pullOut();
    const [one, two] = [await backend.load(first), await backend.load(writeOtherModel(chip, 2))];
    t.match(backend.state(), { available: false, isAbsent: true });
    await two.takeDevice!();
    t.same([one.holdsDevice, two.holdsDevice], [false, true]);
    t.match(backend.state(), { available: false, isAbsent: true, reason: /no Hailo device/ });
    chip.plugIn();
    while (!backend.state().available) await sleep(5);
    t.equal((await two.run(windowOf(1))).backend, 'hailo');
  },
);

t.test('a model that contradicts itself is refused also where nobody was served', { skip }, async (t) => {
  const { chip, backend, first } = build(t);
  const one = await backend.load({ ...first, prove: proofOf(5) });
  const two = await backend.load({ ...writeOtherModel(chip, 2), prove: proofOf(9) });
  await t.rejects(two.takeDevice!(), { code: 'MODEL_REFUSED', message: /golden.*tiny@1 is being opened on it again/ });
  t.equal(one.holdsDevice, true);
});

t.test(
  'a device that was left is free: whoever takes it has it, and the next that is loaded gets it',
  { skip },
  async (t) => {
    const { chip, backend, told, first } = build(t);
    const [one, two] = [await backend.load(first), await backend.load(writeOtherModel(chip, 2))];
    await one.close();
    t.match(backend.state(), { available: false, reason: /^No model has the Hailo device/ });
    t.match(told.at(-1), /^No model has/);
    await t.rejects(two.run(windowOf(1)), { code: 'BACKEND_UNAVAILABLE', message: /tiny@2 does not answer until/ });
    await two.takeDevice!();
    t.equal((await two.run(windowOf(1))).backend, 'hailo');
    void two.close();
    const three = await backend.load(writeOtherModel(chip, 3));
    t.equal((await three.run(windowOf(1))).backend, 'hailo');
    await backend.close();
    t.ok(isNeverShared(chip.calls()));
  },
);

t.test('what the device did since the start is told of whichever model is on it', { skip }, async (t) => {
  const { chip, backend, first } = build(t);
  const [one, two] = [await backend.load(first), await backend.load(writeOtherModel(chip, 2))];
  one.demote?.('again');
  while (!backend.state().available) await sleep(5);
  two.demote?.('not its own');
  t.equal(backend.state().available, true);
  await chip.script('notify overcurrent 1 2.5');
  while (backend.telemetry?.()?.events.overcurrent !== 1) await sleep(5);
  await chip.script();
  await two.takeDevice!();
  t.match(backend.telemetry?.(), { restarts: 1, events: { overcurrent: 1 } });
});

t.test('an idle device, released, is taken as one that serves', { skip }, async (t) => {
  const chip = insertChip(t);
  const { backend, first } = build(t, { settings: settingsFor(chip.library, { keepAliveMs: 0 }) });
  const one = await backend.load(first);
  const two = await backend.load({ ...writeOtherModel(chip, 2), prove: proofOf(9) });
  while (backend.state().isIdle !== true) await sleep(10);
  await t.rejects(two.takeDevice!(), { code: 'MODEL_REFUSED', message: /tiny@1 has the device again/ });
  t.equal((await one.run(windowOf(1))).backend, 'hailo');
});
