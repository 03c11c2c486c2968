import t from 'tap';
import { SidecarError } from '../../src/core/errors.ts';
import type { Reply, Route } from '../../src/core/task.ts';
import type { OipParts } from '../../src/oip/parts.ts';
import { oipRoutes } from '../../src/oip/routes.ts';
import { call } from '../tasks/tcn/fakes.ts';
import { MODEL, parts, prediction } from './fakes.ts';

const VERSIONS = [
  { name: 'test-tcn', version: 'v1', failure: null },
  { name: 'test-tcn', version: 'v2', failure: 'It is being proved.' },
];

function ask(path: string, from: OipParts, params: Record<string, string> = { name: 'test-tcn', version: 'v1' }) {
  const route = oipRoutes(from).find((one) => one.path === path && one.method === 'GET') as Route;
  const { status, body } = route.handle(call('', { params })) as Reply;
  return [status, JSON.parse(body as string)];
}

t.test('the server is alive, and ready while it has no failure to tell', async (t) => {
  t.same(ask('/v2', parts()), [
    200,
    { name: 'hailo-tcn-sidecar', version: '1.2.3', extensions: ['binary_tensor_data'] },
  ]);
  t.same(ask('/v2/health/live', parts({ failure: 'x' })), [200, { live: true }]);
  t.same(ask('/v2/health/ready', parts()), [200, { live: true, ready: true }]);
  const down = [503, { live: true, ready: false, error: 'No device.' }];
  t.same(ask('/v2/health/ready', parts({ failure: 'No device.' })), down);
});

t.test('a model is told with the versions that are loaded; without a version the first is meant', async (t) => {
  const from = parts({ models: VERSIONS });
  const tensors = {
    inputs: [
      { name: 'a', datatype: 'FP32', shape: [-1, 2, 3] },
      { name: 'b', datatype: 'FP32', shape: [-1] },
    ],
    outputs: [
      { name: 'u', datatype: 'FP32', shape: [-1, 2] },
      { name: 'v', datatype: 'FP32', shape: [-1, 3] },
    ],
  };
  const told = [200, { name: 'test-tcn', versions: ['v1', 'v2'], platform: 'onnxruntime_onnx', ...tensors }];
  t.same(ask('/v2/models/{name}', from, { name: 'test-tcn' }), told);
  t.same(ask('/v2/models/{name}/versions/{version}', from), told);
  const asked: unknown[] = [];
  const served: OipParts['served'] = (_call, wanted) => {
    asked.push(wanted.version);
    return MODEL;
  };
  ask('/v2/models/{name}', parts({ models: VERSIONS, served }), { name: 'test-tcn' });
  t.same(asked, ['v1'], 'never the candidate for its share');
});

t.test('a model is ready, or says why not; one that is not loaded is unknown', async (t) => {
  const from = parts({ models: VERSIONS });
  t.same(ask('/v2/models/{name}/ready', from, { name: 'test-tcn' }), [200, { name: 'test-tcn', ready: true }]);
  const proving = [503, { name: 'test-tcn', ready: false, error: 'It is being proved.' }];
  t.same(ask('/v2/models/{name}/versions/{version}/ready', from, { name: 'test-tcn', version: 'v2' }), proving);
  const unknown = { code: 'MODEL_NOT_LOADED', message: /Loaded: test-tcn version v1, test-tcn version v2\.$/ };
  t.throws(() => ask('/v2/models/{name}/ready', from, { name: 'other' }), unknown);
  t.throws(() => ask('/v2/models/{name}', from, { name: 'test-tcn', version: 'v3' }), unknown);
});

const BODY = JSON.stringify({
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [1, 2, 3], data: [1, 2, 3, 4, 5, 6] },
    { name: 'b', datatype: 'FP32', shape: [1], data: [7] },
  ],
  parameters: { normalized: true },
});
const infer = (from: OipParts) => oipRoutes(from).find(({ path }) => path === '/v2/models/{name}/infer') as Route;

t.test('an inference asks the task once, for the model of the path, with what the request says', async (t) => {
  const asked: unknown[] = [];
  const from = parts({
    served: (_call, wanted) => {
      asked.push(wanted);
      return MODEL;
    },
    predict: async (_call, model, inputs, options) => {
      asked.push(
        model.id,
        [...inputs.values()].map(({ name, data }) => [name, ...data]),
        options,
      );
      return prediction(['u', 1, 2], ['v', 3, 4, 5]);
    },
  });
  const reply = await infer(from).handle(call(BODY, { params: { name: 'test-tcn' } }));
  t.equal(reply.status, 200);
  t.same(asked, [
    { name: 'test-tcn', version: null },
    'test-tcn@v1',
    [
      ['a', 1, 2, 3, 4, 5, 6],
      ['b', 7],
    ],
    { isNormalised: true },
  ]);
});

t.test('an unknown model is named by the path, not by a header; other failures are told as they are', async (t) => {
  const failing = (code: 'MODEL_NOT_LOADED' | 'NOT_READY') =>
    parts({
      served: () => {
        throw new SidecarError(code, 'As the model store says it.');
      },
    });
  const at = (name: string) => call(BODY, { params: { name } });
  await t.rejects(infer(failing('MODEL_NOT_LOADED')).handle(at('other')) as Promise<Reply>, {
    message: /^The model that the path/,
  });
  await t.rejects(infer(failing('MODEL_NOT_LOADED')).handle(at('test-tcn')) as Promise<Reply>, {
    message: /^As the model/,
  });
  await t.rejects(infer(failing('NOT_READY')).handle(at('other')) as Promise<Reply>, { code: 'NOT_READY' });
});

t.test('errors have the one form of the protocol', async (t) => {
  const { errorForm } = infer(parts());
  const told = (code: ConstructorParameters<typeof SidecarError>[0]) => {
    const { status, body } = errorForm!.toError(new SidecarError(code, 'Because.'));
    return [code, status, JSON.parse(body)];
  };
  t.same(
    ['INVALID_INPUT', 'INVALID_UTF8', 'UNAUTHORIZED', 'RATE_LIMITED', 'QUEUE_FULL', 'INTERNAL'].map((code) =>
      told(code as 'INTERNAL'),
    ),
    [
      ['INVALID_INPUT', 400, { error: 'Because.' }],
      ['INVALID_UTF8', 400, { error: 'Because.' }],
      ['UNAUTHORIZED', 401, { error: 'Because.' }],
      ['RATE_LIMITED', 429, { error: 'Because.' }],
      ['QUEUE_FULL', 503, { error: 'Because.' }],
      ['INTERNAL', 500, { error: 'Because.' }],
    ],
  );
  t.match(told('NOT_FOUND'), ['NOT_FOUND', 404, { error: /no other extension/ }]);
});

t.test('labels of metrics are few, whatever paths clients ask for', async (t) => {
  t.same(
    oipRoutes(parts()).map(({ method, label, kind }) => `${method} ${label} ${kind}`),
    [
      'POST /v2/models/{name}/infer inference',
      'POST /v2/models/{name}/versions/{version}/infer inference',
      'GET /v2 service',
      'GET /v2/health/live service',
      'GET /v2/health/ready service',
      'GET /v2/models/{name} service',
      'GET /v2/models/{name}/versions/{version} service',
      'GET /v2/models/{name}/ready service',
      'GET /v2/models/{name}/versions/{version}/ready service',
    ],
  );
});

t.test('the documentation has an example as long as a model serves', async (t) => {
  t.match(infer(parts()).doc, {
    params: { name: 'test-tcn' },
    request: { example: { inputs: [{ data: [0, 0, 0, 0, 0, 0] }, { data: [0] }] } },
  });
  t.equal(infer(parts({ models: [] })).doc.request?.example, undefined);
  t.equal(infer(parts({ models: VERSIONS.slice(1) })).doc.request?.example, undefined);
});

t.test('a limit or a signature that changes counts from then on', async (t) => {
  let maxBatchWindows = 1;
  let outputs = parts().tensors.signature(MODEL).outputs;
  const base = parts({ predict: async () => prediction(['u', 1, 2], ['v', 3, 4, 5]) });
  const from: OipParts = {
    ...base,
    tensors: { ...base.tensors, signature: () => ({ ...base.tensors.signature(MODEL), outputs }) },
    settings: () => ({ maxBatchWindows }),
  };
  const route = infer(from);
  const head = JSON.stringify({
    inputs: [
      { name: 'a', datatype: 'FP32', shape: [1, 2, 3], parameters: { binary_data_size: 24 } },
      { name: 'b', datatype: 'FP32', shape: [1], parameters: { binary_data_size: 4 } },
    ],
    outputs: [{ name: 'v', parameters: { binary_data: true } }],
  });
  const header = (name: string) => (name === 'inference-header-content-length' ? String(head.length) : '');
  const body = Buffer.concat([Buffer.from(head), Buffer.alloc(28)]);
  const send = () => route.handle(call(body, { header, params: { name: 'test-tcn' } })) as Promise<Reply>;
  t.equal((await send()).status, 200);
  t.equal((await send()).status, 200, 'known by now');
  outputs = outputs.slice(0, 1);
  await t.rejects(send(), { message: /no output "v"; it has "u"/ });
  outputs = parts().tensors.signature(MODEL).outputs;
  t.equal((await send()).status, 200);
  maxBatchWindows = 0;
  await t.rejects(send(), { message: /shape\[0\]: 1 does not fit/ });
});
