import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../../packaging/project.ts';
import { type Headers, RawClient, type RawReply, type Target, toRequest } from '../../test/fakes/raw-client.ts';

/** A request whose answer is known to the byte. */
export interface Question {
  readonly request: Buffer;
  readonly answer: Buffer;
}

/** The questions of one door, for a client that asks them in turn. */
export interface Door {
  readonly name: string;
  readonly perSecond: number;
  readonly questions: readonly Question[];
}

const OCTETS = 'application/octet-stream';
const JSON_HEADERS: Headers = [['content-type', 'application/json']];
const OCTET_HEADERS: Headers = [
  ['content-type', OCTETS],
  ['accept', OCTETS],
];
const PATIENT: Headers = [['x-request-timeout-ms', '1000']];
const EXAMPLES = join(ROOT, 'packaging', 'models', 'default', 'examples');

/** Latents and motif scores. */
const ROW = 76;

type Window = readonly (readonly number[])[];

const text = (value: unknown) => Buffer.from(JSON.stringify(value));
const octetsOf = (windows: readonly Window[]) => Buffer.from(Float32Array.from(windows.flat(2)).buffer);

/** Real windows, no two alike, so that a swapped answer shows. */
export function exampleWindows(): Window[] {
  return readdirSync(EXAMPLES).map(
    (file) => (JSON.parse(readFileSync(join(EXAMPLES, file), 'utf8')) as { x: Window }).x,
  );
}

/** The second, third, … windows from this one on, round and round. */
const some = (windows: readonly Window[], from: number, count: number) =>
  Array.from({ length: count }, (_, i) => windows[(from + i) % windows.length]!);

interface Asked {
  readonly name: string;
  readonly perSecond: number;
  request(windows: readonly Window[], from: number): Buffer;
}

const post = (path: string, headers: Headers, body: Uint8Array) => toRequest('POST', path, headers, body);

const DOORS: readonly Asked[] = [
  { name: 'infer JSON', perSecond: 40, request: (w, i) => post('/infer', JSON_HEADERS, text({ x: w[i] })) },
  { name: 'encode JSON', perSecond: 20, request: (w, i) => post('/encode', JSON_HEADERS, text({ imu_window: w[i] })) },
  { name: 'infer binary', perSecond: 40, request: (w, i) => post('/infer', OCTET_HEADERS, octetsOf([w[i]!])) },
  {
    name: 'batch JSON',
    perSecond: 2,
    request: (w, i) => post('/infer/batch', JSON_HEADERS, text({ windows: some(w, i, 8) })),
  },
  {
    name: 'batch binary',
    perSecond: 2,
    request: (w, i) => post('/infer/batch', OCTET_HEADERS, octetsOf(some(w, i, 16))),
  },
];

function oipDoors(model: string): Asked[] {
  const path = `/v2/models/${model}/infer`;
  const tensor = { name: 'imu_window', datatype: 'FP32', shape: [1, 100, 9] };
  const order = text({
    inputs: [{ ...tensor, parameters: { binary_data_size: 3600 } }],
    parameters: { binary_data_output: true },
  });
  const sized: Headers = [
    ['content-type', OCTETS],
    ['inference-header-content-length', String(order.length)],
  ];
  return [
    {
      name: 'v2 JSON',
      perSecond: 5,
      request: (w, i) => post(path, JSON_HEADERS, text({ inputs: [{ ...tensor, data: w[i]!.flat() }] })),
    },
    {
      name: 'v2 binary',
      perSecond: 15,
      request: (w, i) => post(path, sized, Buffer.concat([order, octetsOf([w[i]!])])),
    },
  ];
}

/** Every door with its questions, and what it answers to them now, when nobody else asks; all doors must agree. */
export async function learnAnswers(target: Target): Promise<Door[]> {
  const client = await RawClient.open(target);
  const windows = exampleWindows();
  const doors: Door[] = [];
  for (const { name, perSecond, request } of [...DOORS, ...(await oipOf(client))]) {
    const questions: Question[] = [];
    for (const i of windows.keys()) {
      const question = request(windows, i);
      questions.push({ request: question, answer: (await askUntil(client, question)).body });
    }
    doors.push({ name, perSecond, questions });
  }
  await checkAgreement(client, windows, doors);
  client.close();
  return doors;
}

async function oipOf(client: RawClient): Promise<Asked[]> {
  if ((await client.ask(toRequest('GET', '/v2'))).status === 404) return [];
  const health = JSON.parse((await client.ask(toRequest('GET', '/healthz'))).body.toString()) as { model: string };
  return oipDoors(health.model);
}

/** Its rate is that of any client, and on a busy machine a deadline passes now and then. */
async function askUntil(client: RawClient, request: Buffer): Promise<RawReply> {
  for (let i = 0; i < 100; i++) {
    const reply = await client.ask(request);
    if (reply.status === 200 && !reply.headers.has('x-batch-failed')) return reply;
    if (![200, 429, 503].includes(reply.status)) throw new Error(`${reply.status} ${reply.body.toString()}`);
    await sleep(Number(reply.headers.get('retry-after-ms') ?? 50));
  }
  throw new Error(`no answer in a hundred tries to ${request.toString('latin1', 0, 120)}`);
}

/** The rows of /infer in binary are what every other door says in its way. */
async function checkAgreement(client: RawClient, windows: readonly Window[], doors: readonly Door[]): Promise<void> {
  for (const [i, window] of windows.entries()) {
    const { body } = await askUntil(client, post('/infer', [...OCTET_HEADERS, ...PATIENT], octetsOf([window])));
    const row = [...new Float32Array(Uint8Array.from(body).buffer)];
    for (const { name, questions } of doors) {
      const said = numbersOf(name, questions[i]!.answer);
      const isSame = said.every((value, j) => Object.is(value, row[j]));
      if (!isSame) throw new Error(`The answers of "${name}" to window ${i} are not those of /infer in binary.`);
    }
  }
}

interface Answer {
  readonly latent?: number[];
  readonly latent_embedding?: number[];
  readonly motif_scores?: number[];
  readonly results?: Answer[];
  readonly outputs?: { data: number[] }[];
}

/** Latents and scores of the first window, as float32. */
function numbersOf(door: string, body: Buffer): number[] {
  if (door === 'v2 binary') return [...new Float32Array(Uint8Array.from(body.subarray(-ROW * 4)).buffer)];
  if (door.endsWith('binary')) return [...new Float32Array(Uint8Array.from(body).buffer)].slice(0, ROW);
  const answer = JSON.parse(body.toString()) as Answer;
  const first = answer.results?.[0] ?? answer;
  if (answer.outputs !== undefined) return answer.outputs.flatMap(({ data }) => data).map(Math.fround);
  return [...(first.latent ?? first.latent_embedding ?? []), ...(first.motif_scores ?? [])].map(Math.fround);
}
