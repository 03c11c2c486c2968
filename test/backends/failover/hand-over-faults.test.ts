import t from 'tap';
import { whyNoStandIn } from '../../fakes/hailort/build.ts';
import { HAND_OVER_FAULTS } from '../hand-over.ts';
import { type Answers, answersOf, sleep, startLoad } from '../load.ts';
import { build, onCpu, onDevice, where } from './on-chip.ts';

const skip = whyNoStandIn();

for (const { what, reason, second, script, during } of HAND_OVER_FAULTS) {
  const name = `${what} under load: every window is answered, rightly, and the model before has the device again`;
  t.test(name, { skip }, async (t) => {
    const { chip, backend, load } = await build(t);
    const [one, two] = [await load(), await load(second(chip))];
    const answers: Answers = new Map([
      [one.id, await answersOf(one)],
      [two.id, await answersOf(two)],
    ]);
    const loads = [one, two].map((model) => startLoad(() => model, answers));
    if (script !== undefined) await chip.script(script);
    const refused = t.rejects(two.takeDevice!(), { code: 'MODEL_REFUSED', message: reason });
    await Promise.all([refused, during?.(chip)]);
    await chip.script();
    while (backend.state().kind !== 'hailo') await sleep(5);
    t.same([one.holdsDevice, two.holdsDevice], [true, false]);
    for (const load of loads) t.match(await load.stop(), { wrong: 0, lost: 0, failed: [] });
    t.same([await where(one), await where(two)], [onDevice, onCpu]);
  });
}
