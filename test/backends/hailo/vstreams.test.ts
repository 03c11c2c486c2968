import t from 'tap';
import { abiOf } from '../../../src/backends/hailo/abi.ts';
import type { Link } from '../../../src/backends/hailo/link.ts';
import { HailoModel } from '../../../src/backends/hailo/model.ts';
import { type CrossingSource, planCrossing, textOf, type VstreamInfo } from '../../../src/backends/hailo/vstreams.ts';

const source: CrossingSource = {
  id: 'tcn@1',
  input: { name: 'imu_window', shape: [1, 100, 9] },
  outputs: [
    { name: 'latent_embeddings', shape: [1, 64] },
    { name: 'motif_scores', shape: [1, 12] },
  ],
  inputLayout: null,
  vstreams: {},
};
const info = (name: string, isInput: boolean, ...shape: [number, number, number]): VstreamInfo => ({
  name,
  isInput,
  shape,
  order: 1,
  scale: 1,
});
const infos = (...input: [number, number, number]) => [
  info('net/imu_window', true, ...input),
  info('net/motif_scores', false, 1, 1, 12),
  info('net/latent_embeddings', false, 1, 1, 64),
];

t.test('vstreams are found by name, with or without the network before it, outputs in the model’s order', async (t) => {
  t.match(planCrossing(source, infos(100, 9, 1)), {
    input: { name: 'net/imu_window' },
    outputs: [{ name: 'net/latent_embeddings' }, { name: 'net/motif_scores' }],
    isTransposed: false,
  });
});

t.test('the manifest’s own names win', async (t) => {
  const named = [info('in', true, 1, 100, 9), info('fc1', false, 1, 1, 64), info('fc2', false, 1, 1, 12)];
  const vstreams = { imu_window: 'in', latent_embeddings: 'fc1', motif_scores: 'fc2' };
  t.match(planCrossing({ ...source, vstreams }, named), { outputs: [{ name: 'fc1' }, { name: 'fc2' }] });
});

t.test('sides of one change no order; columns before rows do', async (t) => {
  const transposed = (...shape: [number, number, number]) => planCrossing(source, infos(...shape)).isTransposed;
  t.same(
    [transposed(100, 9, 1), transposed(1, 100, 9), transposed(100, 1, 9), transposed(9, 100, 1)],
    [false, false, false, true],
  );
});

t.test('a list of detections is no tensor', async (t) => {
  const [first, ...others] = infos(100, 9, 1);
  const detections = others.map((one) => ({ ...one, order: 22 }));
  const unscaled = { ...first!, scale: Number.NaN };
  t.throws(() => planCrossing(source, [unscaled, ...others]), {
    message: /quantisation step of NaN for net\/imu_window/,
  });
  t.throws(() => planCrossing(source, [first!, ...detections]), {
    code: 'MODEL_INVALID',
    message: /detections.*net\/motif_scores/,
  });
});

const wrong: readonly [what: string, source: Partial<CrossingSource>, infos: VstreamInfo[], message: RegExp][] = [
  ['another input', {}, infos(2, 100, 9), /Manifest: imu_window \[1,100,9\] → .*File: net\/imu_window \[2,100,9\]/],
  [
    'another layout than stated',
    { inputLayout: [1, 100, 9] },
    infos(100, 9, 1),
    /Manifest: imu_window \[1,100,9\].*File: net\/imu_window \[100,9,1\]/,
  ],
  [
    'another size of an output',
    {},
    [...infos(100, 9, 1).slice(0, 2), info('net/latent_embeddings', false, 1, 1, 63)],
    /\[1,1,63\]/,
  ],
  ['a missing output', {}, infos(100, 9, 1).slice(0, 2), /motif_scores \[1,1,12\]\. Correct/],
  ['an output too many', {}, [...infos(100, 9, 1), info('net/extra', false, 1, 1, 3)], /net\/extra/],
  ['two inputs', {}, [...infos(100, 9, 1), info('net/other', true, 1, 1, 3)], /net\/other/],
  ['other names', {}, infos(100, 9, 1).map((i) => ({ ...i, name: `${i.name}_1` })), /imu_window_1/],
];
for (const [what, change, found, message] of wrong) {
  t.test(`${what}: refused, both sides shown`, async (t) => {
    t.throws(() => planCrossing({ ...source, ...change }, found), { code: 'MODEL_INVALID', message });
  });
}

t.test('a model turns the window where the device has columns first, and takes its outputs apart', async (t) => {
  const sent: number[][] = [];
  const link = {
    run: async (frame: Uint8Array) => {
      sent.push([...new Float32Array(frame.buffer, frame.byteOffset, frame.byteLength / 4)]);
      return Float32Array.from([1, 2, 3]);
    },
  } as unknown as Link;
  const tiny = {
    id: 'tiny@1',
    input: { name: 'x', shape: [1, 2, 3] },
    outputs: [
      { name: 'a', shape: [1, 2] },
      { name: 'b', shape: [1, 1] },
    ],
    artefacts: [],
  };
  const device = {
    link: () => link,
    degraded: () => null,
    isTransposed: true,
    demote: () => {},
  };
  const seat = { isHeld: true, device: () => device, take: async () => {}, leave: async () => {} };
  const model = new HailoModel(tiny, seat);
  const { outputs } = await model.run(Float32Array.from([1, 2, 3, 4, 5, 6]));
  t.same(sent, [[1, 4, 2, 5, 3, 6]]);
  t.same([[...outputs.a!], [...outputs.b!]], [[1, 2], [3]]);
  const short = new HailoModel({ ...tiny, outputs: tiny.outputs.slice(0, 1) }, seat);
  await t.rejects(short.run(new Float32Array(6)), {
    code: 'BACKEND_FAILED',
    message: /gave 3 values for tiny@1, not 2/,
  });
});

t.test('a C string ends at its zero, or with its field', async (t) => {
  t.equal(textOf(Buffer.from('ab\0cd'), 0, 5), 'ab');
  t.equal(textOf(Buffer.from('abcd'), 1, 2), 'bc');
});

t.test('struct sizes follow the library’s version, unknown ones are refused', async (t) => {
  const sizes = (major: number, minor: number, revision: number) => Object.values(abiOf({ major, minor, revision }));
  t.same(sizes(4, 17, 0), [432, 416, 92, 84488]);
  t.same(sizes(4, 20, 0), [436, 420, 92, 84488]);
  t.same(sizes(4, 23, 0), [436, 420, 96, 84488]);
  t.same(sizes(5, 0, 0), [436, 420, 96, 84488]);
  t.same(sizes(5, 1, 1), [436, 420, 96, 64008]);
  for (const [major, minor] of [
    [4, 16],
    [4, 24],
    [5, 3],
    [6, 0],
  ] as const) {
    t.throws(() => sizes(major, minor, 0), { code: 'BACKEND_UNAVAILABLE', message: /unknown layout/ });
  }
});
