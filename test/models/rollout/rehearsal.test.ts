import t from 'tap';
import type { Inference } from '../../../src/core/backend.ts';
import { judgeFingerprint, judgeLatency, judgeOutputs, rehearse } from '../../../src/models/rollout/rehearsal.ts';

const window = (value: number) => new Float32Array(3).fill(value);
const toVectors = (outputs: Inference['outputs']) => ({ latent: outputs.latent!, scores: null });

function performer(answer: (input: Float32Array) => Float32Array, heard: number[] = []) {
  const run = async (input: Float32Array): Promise<Inference> => {
    heard.push(input[0]!);
    const latent = answer(input);
    input.fill(Number.NaN); // the model may do with its input what it likes
    return { outputs: { latent }, backend: 'cpu', degraded: null };
  };
  return { model: { run }, inputs: [window(1), window(2)], toVectors };
}

t.test('the windows go through all models in turn, and each keeps its own answers', async (t) => {
  const heard: number[] = [];
  const once = performer((input) => input.slice(), heard);
  const twice = performer((input) => input.map((value) => 2 * value), heard);
  const [first, second] = await rehearse([once, twice]);
  t.same(heard.slice(0, 4), [1, 1, 2, 2], 'side by side');
  t.same(first?.latents, [window(1), window(2)]);
  t.same(second?.latents, [window(2), window(4)]);
  t.same(first?.inputs, [window(1), window(2)]);
  t.ok(first!.fastestMs >= 0 && first!.backend === 'cpu');
});

t.test('a model that gives the same for windows that differ ignores its input', async (t) => {
  const inputs = [window(1), window(1), window(2), window(3)];
  const judge = (latents: Float32Array[]) => judgeOutputs({ inputs, latents, fastestMs: 1, backend: 'cpu' });
  t.match(judge([window(5), window(5), window(5), window(5)]), { ok: false, text: /each of 4 windows/ });
  t.match(judge([window(5), window(5), window(5), window(6)]), { ok: true, text: /not constant/ });
  const alike = { inputs: [window(1), window(1)], latents: [window(5), window(5)], fastestMs: 1, backend: 'cpu' };
  t.match(
    judgeOutputs(alike),
    { ok: true, text: /none of which differ/ },
    'and of windows that do not, nothing is said',
  );
});

t.test('too slow is more than the factor, and more than a millisecond, on the same backend', async (t) => {
  const took = (fastestMs: number, backend = 'cpu') => ({ inputs: [], latents: [], fastestMs, backend });
  t.equal(judgeLatency(took(4), took(2), 2).ok, true);
  t.match(judgeLatency(took(4.1), took(2), 2), {
    ok: false,
    text: /4\.10 ms \(cpu\), the model before 2\.00 ms; at most 4\.00 ms/,
  });
  t.equal(judgeLatency(took(0.9), took(0.1), 2).ok, true);
  t.match(judgeLatency(took(40), took(2, 'hailo'), 2), { ok: true, text: /nothing to compare/ });
  t.match(judgeLatency(took(40), null, 2), { ok: true });
  t.equal(judgeFingerprint(took(9), 1, 2), null, 'the fingerprint is the device’s');
  t.equal(judgeFingerprint(took(9, 'hailo'), null, 2), null);
  t.match(judgeFingerprint(took(3, 'hailo'), 1, 2), { ok: true });
  t.match(judgeFingerprint(took(3.1, 'hailo'), 1, 2), { ok: false, text: /expected 1 ms; at most 3\.00 ms/ });
});
