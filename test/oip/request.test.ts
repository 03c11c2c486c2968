import t from 'tap';
import { toInputs } from '../../src/oip/inputs.ts';
import { readRequest } from '../../src/oip/request.ts';
import { bytes, floats, outcome, SIGNATURE, surface } from './fakes.ts';

const A = { name: 'a', datatype: 'FP32', shape: [1, 2, 3] };
const B = { name: 'b', datatype: 'FP32', shape: [1] };
const DATA_A = [1, 2, 3, 4, 5, 6];
const json = (changes: object = {}) =>
  JSON.stringify({
    inputs: [
      { ...A, data: DATA_A },
      { ...B, data: [7] },
    ],
    ...changes,
  });

/** Tensors by name, or the refusal. */
function read(body: string | Buffer, length = '', at = surface()) {
  return outcome(() => {
    const buffer = Buffer.from(body);
    const { order, id, jsonBytes } = readRequest(buffer, length, at);
    const tensors = Object.fromEntries(
      [...toInputs(order, buffer, jsonBytes)].map(([name, { shape, data }]) => [name, [shape, [...data]]]),
    );
    return { id, tensors, outputs: order.outputs.map(({ name, isBinary }) => `${name}${isBinary ? ' binary' : ''}`) };
  });
}

const WANTED = { a: [[1, 2, 3], DATA_A], b: [[1], [7]] };
const ALL = ['u', 'v'];

t.test('data may be flat or nested as the shape is, inputs in any order', async (t) => {
  const nested = {
    ...A,
    data: [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
  };
  const b = { ...B, data: [7] };
  const bodies = [json(), json({ inputs: [nested, b] }), json({ inputs: [b, nested] }), `\uFEFF${json()}`];
  t.same(
    bodies.map((body) => read(body)),
    bodies.map(() => ({ id: null, tensors: WANTED, outputs: ALL })),
  );
});

t.test('binary data follows the JSON in the order of the inputs, wherever it comes to lie', async (t) => {
  const sized = (input: object, binary_data_size: number) => ({ ...input, parameters: { binary_data_size } });
  for (const padding of ['', ' ', '  ', '   ']) {
    const head = JSON.stringify({ inputs: [sized(B, 4), sized(A, 24)] }) + padding;
    const mixed = JSON.stringify({ inputs: [{ ...B, data: [7] }, sized(A, 24)] }) + padding;
    t.same(read(bytes(head, floats(7, ...DATA_A)), String(head.length)), { id: null, tensors: WANTED, outputs: ALL });
    t.same(read(bytes(mixed, floats(...DATA_A)), String(mixed.length)), { id: null, tensors: WANTED, outputs: ALL });
  }
});

t.test('data that lies where a float32 may lie is not copied', async (t) => {
  const head = JSON.stringify(sized);
  for (const offset of [0, 1]) {
    const padding = ' '.repeat(4 - (head.length % 4));
    const whole = new Uint8Array(new ArrayBuffer(400), offset, head.length + padding.length + data.length);
    whole.set(bytes(head, padding, data));
    const { order, jsonBytes } = readRequest(whole, String(head.length + padding.length), surface());
    const inputs = toInputs(order, whole, jsonBytes);
    t.equal(inputs.get('a')!.data.buffer === whole.buffer, offset === 0);
    t.same([...inputs.get('b')!.data], [7]);
  }
});

t.test('a length of all is no binary data, and a length of nothing no JSON', async (t) => {
  t.same(read(json(), String(json().length)), { id: null, tensors: WANTED, outputs: ALL });
  const single = () => surface({ ...SIGNATURE, inputs: [SIGNATURE.inputs[0]!] });
  const wanted = {
    id: null,
    tensors: {
      a: [
        [2, 2, 3],
        [...DATA_A, ...DATA_A],
      ],
    },
    outputs: ['u binary', 'v binary'],
  };
  t.same(read(floats(...DATA_A, ...DATA_A), '0', single()), wanted);
  t.match(read(floats(...DATA_A), '0'), /models with one input/);
  for (const size of [4, 25, 5 * 24]) t.match(read(Buffer.alloc(size), '0', single()), /1 to 4 times 24 bytes/);
});

t.test(
  'outputs: none asked for are all, else those that are, in that order; binary as they or the request say',
  async (t) => {
    const outputs = (changes: object) => (read(json(changes)) as { outputs: string[] }).outputs;
    const binary = { parameters: { binary_data_output: true } };
    const plain = { name: 'v', parameters: { binary_data: false } };
    t.same(
      [
        outputs({ outputs: [] }),
        outputs({ outputs: null }),
        outputs({ outputs: [{ name: 'v' }, { name: 'u' }] }),
        outputs({ outputs: [{ name: 'v', parameters: null }] }),
        outputs(binary),
        outputs({ ...binary, outputs: [plain, { name: 'u' }] }),
        outputs({ outputs: [{ name: 'u', parameters: { binary_data: true, other: 1 } }] }),
      ],
      [ALL, ALL, ['v', 'u'], ['v'], ['u binary', 'v binary'], ['v', 'u binary'], ['u binary']],
    );
  },
);

t.test('an id comes back as it was, and null is none', async (t) => {
  const ids = ['', '42', 'ä "quoted" \u2028 日本', '\ud800', 'x'.repeat(1024)];
  t.same(
    ids.map((id) => (read(json({ id })) as { id: string }).id),
    ids,
  );
  t.equal((read(json({ id: null })) as { id: null }).id, null);
});

const sized = {
  inputs: [
    { ...A, parameters: { binary_data_size: 24 } },
    { ...B, parameters: { binary_data_size: 4 } },
  ],
};
const data = floats(...DATA_A, 7);

t.test('requests that were seen before are read as if they were not: ids and data are their own', async (t) => {
  const known = surface();
  const rest = JSON.stringify(sized).slice(1);
  const heads = [
    [`{${rest}`, null],
    [`{"id":"1",${rest}`, '1'],
    [`{"id": "two", ${rest}`, 'two'],
    [`{ "id":"ü",${rest}`, 'ü'],
    [`{"id":"\\u0031",${rest}`, '1'],
    [`{"id":"1","id":"2",${rest}`, '2'],
    [`{"id":"1","id":null,${rest}`, null],
    [`{"id":"1","\\u0069d":"3",${rest}`, '3'],
    [`{"id":"1",${rest.slice(0, -1)},"id":"4"}`, '4'],
    [`{${rest.slice(0, -1)},"id":"5"}`, '5'],
    [`{${rest.slice(0, -1)},"id":"6"}`, '6'],
  ] as const;
  for (const round of [1, 2, 3]) {
    const value = floats(round, 2, 3, 4, 5, 6, 7);
    for (const [head, id] of heads) {
      const seen = read(bytes(head, value), String(Buffer.byteLength(head)), known);
      t.same(
        seen,
        {
          id,
          tensors: {
            a: [
              [1, 2, 3],
              [round, 2, 3, 4, 5, 6],
            ],
            b: [[1], [7]],
          },
          outputs: ALL,
        },
        head,
      );
    }
  }
  t.equal(known.orders.size, 2, 'with a space after the id, or without: no id is part of what is kept');
  for (const broken of ['{"id":"1",}', '{"id":"1"', `{"id":"1",${rest.slice(1)}`, `{"id":"1" "x",${rest}`]) {
    t.match(read(bytes(broken, data), String(broken.length), known), /no JSON|must be|needs/, broken);
  }
});

t.test('what was kept of a right request makes no piece of it right', async (t) => {
  const known = surface();
  const rest = JSON.stringify(sized).slice(1);
  const whole = `{"id":"1",${rest}`;
  read(bytes(whole, data), String(whole.length), known);
  t.match(read(bytes(rest, data), String(rest.length), known), /no JSON/, 'what follows the id');
  const single = surface({ ...SIGNATURE, inputs: [SIGNATURE.inputs[0]!] });
  const values = bytes(floats(...DATA_A));
  read(values, '0', single);
  const words = `raw ${values.length}`;
  t.match(read(bytes(words, values), String(words.length), single), /no JSON/, 'the words of a key');
});

t.test('what is kept of requests has an end', async (t) => {
  const known = surface();
  for (let i = 0; i < 1000; i++) {
    const head = JSON.stringify({ ...sized, parameters: { i } });
    read(bytes(head, data), String(head.length), known);
  }
  t.ok(known.orders.size <= 64, String(known.orders.size));
  const long = JSON.stringify({ ...sized, parameters: { long: 'x'.repeat(3000) } });
  const before = known.orders.size;
  t.same((read(bytes(long, data), String(long.length), known) as { id: null }).id, null);
  t.equal(known.orders.size, before, 'a long one is not kept at all');
});

const input = (changes: object) =>
  json({
    inputs: [
      { ...A, data: DATA_A, ...changes },
      { ...B, data: [7] },
    ],
  });
const head = JSON.stringify(sized);
const big = Array.from({ length: 100_000 }, () => ({ name: 'a' }));

type Refusal = readonly [what: string, body: string | Buffer, length: string, sentence: RegExp];

const refusals: readonly Refusal[] = [
  ['no body', '', '', /no body/],
  ['broken JSON', '{"inputs": [', '', /no JSON/],
  ['NaN', json().replace('6', 'NaN'), '', /NaN and Infinity/],
  ['no UTF-8', Buffer.from([0x7b, 0xff]), '', /UTF-8/],
  ['a list', '[1]', '', /must be an object, not a list/],
  ['null', 'null', '', /must be an object, not null/],
  ['a number for an id', json({ id: 1 }), '', /^id: this must be a string, not 1/],
  ['a million ids', json({ id: Array(100_000).fill('x') }), '', /^id: .*not a list/],
  ['a long id', json({ id: 'x'.repeat(1025) }), '', /^id: .*longer/],
  ['no inputs', json({ inputs: undefined }), '', /^inputs: the model also needs "a", "b"/],
  ['inputs that are none', json({ inputs: {} }), '', /^inputs: .*a list, not an object/],
  ['one input of two', json({ inputs: [{ ...A, data: DATA_A }] }), '', /^inputs: the model also needs "b"/],
  ['too many inputs', json({ inputs: big }), '', /^inputs: these are 100000, the model takes 2: "a", "b"/],
  ['an input that is none', json({ inputs: [5] }), '', /^inputs\[0\]: this must be an object, not 5/],
  ['an unknown input', input({ name: 'z' }), '', /^inputs\[0\]: the model has no input "z"; it has "a", "b"/],
  ['a name without end', input({ name: 'z'.repeat(1e5) }), '', /"z{64}…"/],
  [
    'an input twice',
    json({
      inputs: [
        { ...A, data: DATA_A },
        { ...A, data: DATA_A },
      ],
    }),
    '',
    /^inputs\[1\]: .* twice/,
  ],
  ['a datatype that is not served', input({ datatype: 'FP64' }), '', /^inputs\[0\]\.datatype: "FP64" is not served/],
  ['a datatype that is none', input({ datatype: 'float' }), '', /"float" is no datatype of the protocol/],
  ['no datatype', input({ datatype: undefined }), '', /datatype: this must be a string/],
  ['no shape', input({ shape: undefined }), '', /^inputs\[0\]\.shape: .*list of integers/],
  ['a side too few', input({ shape: [2, 3] }), '', /^inputs\[0\]\.shape: it has 2 sides; the shape is \[-1,2,3\]/],
  ['sides without end', input({ shape: Array(1e5).fill(1) }), '', /it has 100000 sides/],
  ['no item', input({ shape: [0, 2, 3] }), '', /^inputs\[0\]\.shape\[0\]: 0 does not fit; .*1 to 4/],
  ['an item too many', input({ shape: [5, 2, 3] }), '', /shape\[0\]: 5 does not fit/],
  ['a wild card', input({ shape: [-1, 2, 3] }), '', /shape\[0\]: -1 does not fit/],
  ['a product that overflows', input({ shape: [2 ** 32, 2 ** 32, 2 ** 32] }), '', /shape\[0\]: 4294967296/],
  ['a fraction', input({ shape: [1.5, 2, 3] }), '', /shape\[0\]: 1.5/],
  ['a string of a number', input({ shape: ['1', 2, 3] }), '', /shape\[0\]: "1"/],
  ['another side', input({ shape: [1, 2, 4] }), '', /shape\[2\]: 4 does not fit/],
  [
    'items that differ',
    input({ shape: [2, 2, 3], data: [...DATA_A, ...DATA_A] }),
    '',
    /^inputs\[1\]\.shape\[0\]: .*differs/,
  ],
  ['neither data', input({ data: undefined }), '', /^inputs\[0\]: it has neither/],
  ['both data', input({ parameters: { binary_data_size: 24 } }), '', /^inputs\[0\]: it has both/],
  ['data that is none', input({ data: 'x' }), '', /^inputs\[0\]\.data: this must be a list, not "x"/],
  ['too little data', input({ data: DATA_A.slice(1) }), '', /^inputs\[0\]\.data: the shape says 6 here, there are 5/],
  [
    'a short row',
    input({
      data: [
        [
          [1, 2, 3],
          [4, 5],
        ],
      ],
    }),
    '',
    /^inputs\[0\]\.data\[0\]\[1\]: the shape says 3 here/,
  ],
  [
    'nested too deep',
    input({
      data: [
        [
          [[1], 2, 3],
          [4, 5, 6],
        ],
      ],
    }),
    '',
    /data\[0\]\[0\]\[0\]: .*number, not a list/,
  ],
  ['a string for a number', input({ data: [1, 2, '3', 4, 5, 6] }), '', /^inputs\[0\]\.data\[2\]: .*not "3"/],
  ['null for a number', input({ data: [1, 2, null, 4, 5, 6] }), '', /data\[2\]: .*not null/],
  ['a boolean for a number', input({ data: [1, true, 3, 4, 5, 6] }), '', /data\[1\]: .*not true/],
  ['1e39', input({ data: [1, 2, 3, 4, 1e39, 6] }), '', /^inputs\[0\]\.data\[4\]: this number is beyond float32/],
  ['1e400', json().replace('6', '1e400'), '', /data\[5\]: this number is beyond float32/],
  [
    'an unknown output',
    json({ outputs: [{ name: 'z' }] }),
    '',
    /^outputs\[0\]: the model has no output "z"; it has "u", "v"/,
  ],
  ['an output twice', json({ outputs: [{ name: 'u' }, { name: 'u' }] }), '', /^outputs\[1\]: .* twice/],
  ['too many outputs', json({ outputs: big }), '', /^outputs: these are 100000, the model gives 2: "u", "v"/],
  ['an output without a name', json({ outputs: [{}] }), '', /^outputs\[0\]\.name: this must be a string/],
  [
    'classification',
    json({ outputs: [{ name: 'u', parameters: { classification: 3 } }] }),
    '',
    /classification is not/,
  ],
  ['shared memory', input({ data: undefined, parameters: { shared_memory_region: 'r' } }), '', /shared memory is not/],
  [
    'an output in shared memory',
    json({ outputs: [{ name: 'u', parameters: { shared_memory_region: 'r' } }] }),
    '',
    /shared/,
  ],
  [
    'binary_data that is no boolean',
    json({ outputs: [{ name: 'u', parameters: { binary_data: 1 } }] }),
    '',
    /binary_data: .*true or false, not 1/,
  ],
  [
    'normalized that is no boolean',
    json({ parameters: { normalized: 'yes' } }),
    '',
    /^parameters\.normalized: .*not "yes"/,
  ],
  ['parameters that are none', json({ parameters: [] }), '', /^parameters: this must be an object/],
  ['binary data without the header', bytes(head, data), '', /no JSON|UTF-8/],
  ['sizes without the data and the header', head, '', /needs the header Inference-Header-Content-Length/],
  [
    'another size',
    bytes(head.replace('24', '20'), data),
    String(head.length),
    /inputs\[0\]\.parameters\.binary_data_size: .*24.* 20/,
  ],
  ['a size of another kind', bytes(head.replace('24', '"24"'), data), String(head.length + 2), /this says "24"/],
  [
    'data missing',
    bytes(head, data.subarray(1)),
    String(head.length),
    /28 bytes of binary data follow the JSON, there are 27/,
  ],
  ['no data at all', head, String(head.length), /28 bytes .* there are 0/],
  ['data left over', bytes(head, data, 'x'), String(head.length), /28 bytes .* there are 29/],
  [
    'a length beyond the body',
    bytes(head, data),
    String(head.length + 29),
    /^Inference-Header-Content-Length: .*from 0 to/,
  ],
  ['a length inside the JSON', bytes(head, data), String(head.length - 1), /no JSON/],
  ['a length inside the data', bytes(head, data), String(head.length + 4), /no JSON|UTF-8/],
  ...['-1', 'NaN', '1e2', '0x10', ' 5', '5.0', '1'.repeat(400)].map(
    (length): Refusal => [`a length of ${length.slice(0, 9)}`, bytes(head, data), length, /^Inference-Header-Content/],
  ),
];

t.test('what is wrong is refused, with the place', async (t) => {
  for (const [what, body, length, sentence] of refusals) {
    const refusal = read(body, length);
    t.match(refusal, sentence, `${what}: ${refusal}`);
    t.ok((refusal as string).length < 400, 'and without the input');
  }
});
