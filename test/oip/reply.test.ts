import t from 'tap';
import type { Reply } from '../../src/core/task.ts';
import { toReply } from '../../src/oip/reply.ts';
import { readRequest } from '../../src/oip/request.ts';
import { floats, outcome, prediction, surface } from './fakes.ts';

const INPUTS = [
  { name: 'a', datatype: 'FP32', shape: [1, 2, 3], data: [1, 2, 3, 4, 5, 6] },
  { name: 'b', datatype: 'FP32', shape: [1], data: [7] },
];
const U = { name: 'u', datatype: 'FP32', shape: [1, 2] };
const V = { name: 'v', datatype: 'FP32', shape: [1, 3] };
const NAMED = { model_name: 'test-tcn', model_version: 'v1' };
const MADE = prediction(['u', 0.1, -2], ['v', 3, 4, 1e-30]);

function answer(request: object, made = MADE): Reply {
  const at = surface();
  const { order, id } = readRequest(Buffer.from(JSON.stringify({ inputs: INPUTS, ...request })), '', at);
  return toReply(made, order, id, at);
}

const bodyOf = ({ body }: Reply) => Buffer.from(body);
const lengthOf = ({ headers }: Reply) =>
  headers.find(([name]) => name === 'Inference-Header-Content-Length')?.[1] ?? null;

t.test('as JSON: flat data in the shortest decimals, and nothing that was not asked for', async (t) => {
  const reply = answer({});
  t.same(
    bodyOf(reply).toString(),
    JSON.stringify({
      ...NAMED,
      outputs: [
        { ...U, data: [0.1, -2] },
        { ...V, data: [3, 4, 1e-30] },
      ],
    }),
  );
  t.match(reply, {
    status: 200,
    contentType: 'application/json',
    headers: [['X-Backend', 'cpu']],
    windows: { answered: 1 },
  });
  t.equal(lengthOf(reply), null);
});

t.test('as binary data: the JSON, its length in a header, then the data in the order of the JSON', async (t) => {
  const binary = { parameters: { binary_data: true } };
  const reply = answer({
    id: 'é',
    outputs: [
      { name: 'v', ...binary },
      { name: 'u', ...binary },
    ],
  });
  const head = JSON.stringify({
    id: 'é',
    ...NAMED,
    outputs: [
      { ...V, parameters: { binary_data_size: 12 } },
      { ...U, parameters: { binary_data_size: 8 } },
    ],
  });
  t.same(bodyOf(reply), Buffer.concat([Buffer.from(head), floats(3, 4, 1e-30, 0.1, -2)]));
  t.equal(reply.contentType, 'application/octet-stream');
  t.same(reply.headers, [
    ['X-Backend', 'cpu'],
    ['Inference-Header-Content-Length', String(Buffer.byteLength(head))],
  ]);
});

t.test('both in one reply', async (t) => {
  const outputs = [{ name: 'u' }, { name: 'v', parameters: { binary_data: true } }];
  const reply = answer({ id: 'ü\n', outputs });
  const length = Number(lengthOf(reply));
  t.same(JSON.parse(bodyOf(reply).subarray(0, length).toString()), {
    id: 'ü\n',
    ...NAMED,
    outputs: [
      { ...U, data: [0.1, -2] },
      { ...V, parameters: { binary_data_size: 12 } },
    ],
  });
  t.same(bodyOf(reply).subarray(length), floats(3, 4, 1e-30));
});

t.test('a reply is its own: the next one does not write into it', async (t) => {
  const first = bodyOf(answer({}));
  const before = first.toString();
  answer({ id: 'x'.repeat(500) }, prediction(['u', 9, 9], ['v', 9, 9, 9]));
  t.equal(first.toString(), before);
});

t.test('an answer that is not what the signature says is no answer', async (t) => {
  t.match(
    outcome(() => answer({}, prediction(['u', 1, 2]))),
    /no 3 values for the output v/,
  );
  t.match(
    outcome(() => answer({}, prediction(['u', 1], ['v', 1, 2, 3]))),
    /no 2 values for the output u/,
  );
});
