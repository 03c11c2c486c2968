import fc from 'fast-check';
import t from 'tap';
import { startTestDaemon } from '../fakes/daemon.ts';

/** Whatever is sent: 4xx with the protocol's error form, or an answer to a request that is right; and the next is served. */
const { url } = await startTestDaemon(t, { yaml: 'server: {port: 0}\nbackend: {kind: stub}\n' });
const PATH = `${url}/v2/models/imu-motif-tcn/infer`;
const LENGTH = 'inference-header-content-length';
const DATA = Buffer.from(new Float32Array(900).fill(0.25).buffer);
const runs = (numRuns: number) => ({ numRuns, endOnFailure: true });

const BINARY = {
  id: '1',
  inputs: [{ name: 'imu_window', datatype: 'FP32', shape: [1, 100, 9], parameters: { binary_data_size: 3600 } }],
  outputs: [{ name: 'motif_scores', parameters: { binary_data: true } }],
  parameters: { binary_data_output: true, normalized: false },
};
const HEAD = Buffer.from(JSON.stringify(BINARY));

async function send(body: Uint8Array | string, headers: Record<string, string> = {}) {
  const content = typeof body === 'string' ? Buffer.from(body) : body;
  const reply = await fetch(PATH, { method: 'POST', headers, body: Uint8Array.from(content) });
  return { status: reply.status, text: await reply.text() };
}

async function nextIsServed(): Promise<boolean> {
  const { status } = await send(Buffer.concat([HEAD, DATA]), { [LENGTH]: String(HEAD.length) });
  return status === 200;
}

function isRefusal({ status, text }: { status: number; text: string }): boolean {
  if (status < 400 || status > 499) return false;
  const { error, ...others } = JSON.parse(text);
  return typeof error === 'string' && error.length > 0 && error.length < 600 && Object.keys(others).length === 0;
}

/** Headers go out as they are; what no client could send is left out. */
const lengths = fc.oneof(
  fc.integer().map(String),
  fc.integer({ min: 0, max: HEAD.length + DATA.length + 10 }).map(String),
  fc.double().map(String),
  fc.bigInt({ min: 2n ** 31n, max: 2n ** 70n }).map(String),
  fc.string({ unit: fc.constantFrom(...'0123456789+-.eExX abc,;') }).filter((text) => text.trim() !== ''),
);

t.test('any length but the right one is refused', async () => {
  await fc.assert(
    fc.asyncProperty(lengths, async (length) => {
      const reply = await send(Buffer.concat([HEAD, DATA]), { [LENGTH]: length });
      const isRight = /^\d{1,10}$/.test(length.trim()) && Number(length) === HEAD.length;
      return (isRight ? reply.status === 200 : isRefusal(reply)) && (await nextIsServed());
    }),
    runs(300),
  );
});

t.test('bytes missing, left over or changed in the JSON never do harm', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(HEAD.length - 1),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: -8, max: 8 }),
      async (at, byte, more) => {
        const head = Buffer.from(HEAD);
        head[at] = byte;
        const data = more < 0 ? DATA.subarray(-more) : Buffer.concat([DATA, Buffer.alloc(more)]);
        const reply = await send(Buffer.concat([head, data]), { [LENGTH]: String(head.length) });
        return (reply.status === 200 && more === 0) || isRefusal(reply);
      },
    ),
    runs(400),
  );
});

/** A copy with one place changed, at any depth. */
function mutate(value: unknown, pick: () => number, replacement: unknown): unknown {
  const isList = Array.isArray(value);
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (keys.length === 0 || pick() < 0.25) return replacement;
  const key = keys[Math.floor(pick() * keys.length)]!;
  const copy = isList ? [...value] : { ...(value as object) };
  (copy as Record<string, unknown>)[key] = mutate((value as Record<string, unknown>)[key], pick, replacement);
  return copy;
}

const JSON_REQUEST = { ...BINARY, inputs: [{ ...BINARY.inputs[0], parameters: {}, data: Array(900).fill(0.25) }] };

t.test('any JSON in any place of a request is refused, or means nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (value, picks) => {
        const request = mutate(JSON_REQUEST, () => picks.next().value as number, value);
        const reply = await send(JSON.stringify(request), { 'content-type': 'application/json' });
        return reply.status === 200 || isRefusal(reply);
      },
    ),
    runs(400),
  );
});

const sides = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, -1, 65, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, 1.5, '1', null, true),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 130n }).map(Number),
);

t.test('shapes that overflow, are negative or no numbers are refused', async () => {
  const shapes = fc.array(sides, { maxLength: 6 }).filter((shape) => JSON.stringify(shape) !== '[1,100,9]');
  await fc.assert(
    fc.asyncProperty(shapes, fc.boolean(), async (shape, isBinary) => {
      const request = { ...BINARY, inputs: [{ ...BINARY.inputs[0], shape }] };
      const plain = { ...JSON_REQUEST, inputs: [{ ...JSON_REQUEST.inputs[0], shape }] };
      const head = Buffer.from(JSON.stringify(isBinary ? request : plain));
      const headers: Record<string, string> = isBinary ? { [LENGTH]: String(head.length) } : {};
      return isRefusal(await send(isBinary ? Buffer.concat([head, DATA]) : head, headers));
    }),
    runs(300),
  );
});

t.test('any datatype but FP32 is refused', async () => {
  const others = fc.oneof(fc.constantFrom('FP64', 'BYTES', 'fp32', 'FP32 '), fc.string(), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(
      others.filter((datatype) => datatype !== 'FP32'),
      async (datatype) => {
        const request = { ...JSON_REQUEST, inputs: [{ ...JSON_REQUEST.inputs[0], datatype }] };
        return isRefusal(await send(JSON.stringify(request)));
      },
    ),
    runs(100),
  );
});

t.test('a number that is none is refused with its place, whichever way it comes', async (t) => {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...bad), fc.nat(899), fc.nat(15), async (value, at, padding) => {
      const values = new Float32Array(900).fill(0.25);
      values[at] = value;
      const head = Buffer.concat([HEAD, Buffer.alloc(padding, 0x20)]);
      const reply = await send(Buffer.concat([head, Buffer.from(values.buffer)]), { [LENGTH]: String(head.length) });
      return isRefusal(reply) && reply.text.includes(`.${Math.floor(at / 9)}.${at % 9}:`);
    }),
    runs(100),
  );
  t.ok(await nextIsServed());
});

t.test('a million of anything is refused at once', async (t) => {
  const many = (item: string, count: number) => `[${Array(count).fill(item).join(',')}]`;
  const inputs = JSON.stringify(JSON_REQUEST.inputs);
  const bodies: Record<string, string> = {
    ids: `{"id":${many('""', 300_000)},"inputs":${inputs}}`,
    'an id without end': `{"id":"${'x'.repeat(1_000_000)}","inputs":${inputs}}`,
    inputs: `{"inputs":${many('{}', 300_000)}}`,
    outputs: `{"inputs":${inputs},"outputs":${many('{}', 300_000)}}`,
    sides: `{"inputs":[{"name":"imu_window","datatype":"FP32","data":[],"shape":${many('1', 500_000)}}]}`,
    numbers: `{"inputs":[{"name":"imu_window","datatype":"FP32","shape":[1,100,9],"data":${many('1', 500_000)}}]}`,
    brackets: '['.repeat(1_000_000),
    'closed brackets': `{"inputs":[{"name":"imu_window","datatype":"FP32","shape":[1,100,9],"data":${'['.repeat(400_000)}${']'.repeat(400_000)}}]}`,
    'a name without end': `{"inputs":[{"name":"${'x'.repeat(1_000_000)}"}]}`,
  };
  for (const [what, body] of Object.entries(bodies)) {
    const startedAt = performance.now();
    const reply = await send(body);
    t.ok(isRefusal(reply), `${what}: ${reply.status} ${reply.text.slice(0, 100)}`);
    t.ok(performance.now() - startedAt < 1000, what);
    t.ok(await nextIsServed(), `after ${what}`);
  }
});
