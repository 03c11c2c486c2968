import t from 'tap';
import { restWindow, startTestDaemon } from '../fakes/daemon.ts';

/** CONTRACT §2 as a table, over the wire: what is sent, what comes back. */
const { url } = await startTestDaemon(t);
const window = restWindow();
const json = (x: unknown) => JSON.stringify({ x });
const withCell = (row: number, column: number, text: string) => {
  const cells = window.map((values) => values.map(String));
  cells[row]![column] = text;
  return `{"x":[${cells.map((values) => `[${values.join(',')}]`).join(',')}]}`;
};

const cases: readonly [
  what: string,
  body: string | Uint8Array,
  status: number,
  type: string,
  loc: unknown,
  contentType?: string,
][] = [
  ['an empty body', '', 422, 'missing', ['body']],
  ['null', 'null', 422, 'missing', ['body']],
  ['broken JSON', '{"x": [', 422, 'json_invalid', ['body', Number]],
  ['a literal NaN', withCell(3, 4, 'NaN'), 422, 'json_invalid', ['body', Number]],
  ['a literal Infinity', withCell(3, 4, 'Infinity'), 422, 'json_invalid', ['body', Number]],
  ['1e400', withCell(3, 4, '1e400'), 422, 'value_error', ['body', 'x', 3, 4]],
  ['1e39', withCell(3, 4, '1e39'), 422, 'value_error', ['body', 'x', 3, 4]],
  ['a list', '[1]', 422, 'model_attributes_type', ['body']],
  ['a string', '"x"', 422, 'model_attributes_type', ['body']],
  ['a form', 'x=1', 422, 'model_attributes_type', ['body'], 'application/x-www-form-urlencoded'],
  ['no x', '{}', 422, 'missing', ['body', 'x']],
  ['x no list', '{"x": 5}', 422, 'list_type', ['body', 'x']],
  ['99 rows', json(window.slice(1)), 422, 'value_error', ['body', 'x']],
  ['101 rows', json([...window, window[0]]), 422, 'value_error', ['body', 'x']],
  ['a row of 8', json(window.with(7, window[7]!.slice(1))), 422, 'value_error', ['body', 'x']],
  ['a string for a number', withCell(3, 4, '"1.0"'), 422, 'float_type', ['body', 'x', 3, 4]],
  ['a boolean for a number', withCell(3, 4, 'true'), 422, 'float_type', ['body', 'x', 3, 4]],
  ['null for a number', withCell(3, 4, 'null'), 422, 'float_type', ['body', 'x', 3, 4]],
  ['a gyroscope at 36', withCell(3, 4, '36'), 422, 'value_error', ['body', 'x']],
];

t.test('422s name the place, in the form clients know', async (t) => {
  const answers: unknown[] = [];
  for (const [what, body, , , , contentType] of cases) {
    const headers = { 'content-type': contentType ?? 'application/json' };
    const response = await fetch(`${url}/infer`, {
      method: 'POST',
      headers,
      body: body as NonNullable<RequestInit['body']>,
    });
    const reply = (await response.json()) as { error: { code: string }; detail: { type: string; loc: unknown }[] };
    answers.push({
      what,
      status: response.status,
      type: reply.detail[0]?.type,
      loc: reply.detail[0]?.loc,
      code: reply.error.code,
    });
  }
  t.match(
    answers,
    cases.map(([what, , status, type, loc]) => ({ what, status, type, loc, code: 'INVALID_INPUT' })),
  );
});

t.test('the messages that the contract spells out are spelled so', async (t) => {
  const bodies = [json(window.slice(1)), json(window.with(7, window[7]!.slice(1))), withCell(3, 4, '35.5')];
  const messages: unknown[] = [];
  for (const body of bodies) {
    const response = await fetch(`${url}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    messages.push(((await response.json()) as { detail: { msg: string }[] }).detail[0]?.msg);
  }
  t.same(messages, [
    'Value error, Expected 100 timesteps, got 99',
    'Value error, Timestep 7 has 8 channels, expected 9',
    'Value error, Gyroscope value out of range: 35.5',
  ]);
});

t.test('other statuses: bad UTF-8, foreign type, too large', async (t) => {
  const send = async (body: NonNullable<RequestInit['body']>, type: string) => {
    const response = await fetch(`${url}/infer`, { method: 'POST', headers: { 'content-type': type }, body });
    const reply = (await response.json()) as { error: { code: string; message: string }; detail: unknown };
    return [response.status, reply.error.code, typeof reply.detail];
  };
  t.same(await send(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'application/json'), [
    400,
    'INVALID_UTF8',
    'string',
  ]);
  t.same(await send('x', 'image/png'), [415, 'UNSUPPORTED_MEDIA_TYPE', 'string']);
  t.same(await send(' '.repeat(1_048_577), 'application/json'), [413, 'BODY_TOO_LARGE', 'string']);
});

t.test('what is unusual but right is accepted, with the same answer', async (t) => {
  const usual = json(window);
  const same = [
    usual,
    `\ufeff${usual}`,
    `{"other":{"deep":[1,{}]},"x":${JSON.stringify(window)},"later":null}`,
    `{"x":1,"x":${JSON.stringify(window)}}`,
    `{"\\u0078":${JSON.stringify(window)}}`,
    JSON.stringify({ x: window }, null, '\t'),
  ];
  const replies: string[] = [];
  for (const body of same) {
    const response = await fetch(`${url}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.imu+json' },
      body,
    });
    replies.push(await response.text());
  }
  t.match(replies[0], /^\{"latent":\[/);
  t.equal(new Set(replies).size, 1);
});

t.test('the limits themselves are within range', async (t) => {
  const edge = window.map((row) => row.map((_, i) => (i < 3 ? 500 : i < 6 ? -35 : 2000)));
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: json(edge),
  });
  t.equal(response.status, 200);
});

t.test('every outcome is counted, refusals too', async (t) => {
  const page = await (await fetch(`${url}/metrics`)).text();
  t.match(page, /^hailo_inference_requests_total\{status="error",model="imu-motif-tcn"\} \d+$/m);
  t.match(page, /^hailo_errors_total\{error_type="INVALID_INPUT",model="imu-motif-tcn"\} \d+$/m);
  t.match(page, /^hailo_errors_total\{error_type="BODY_TOO_LARGE",model="imu-motif-tcn"\} 1$/m);
});
