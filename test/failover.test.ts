import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { restWindow, startTestDaemon } from './fakes/daemon.ts';
import { whyNoStandIn } from './fakes/hailort/build.ts';
import { insertChip } from './fakes/stand-in-chip.ts';
import { sha256 } from './fixtures/bundle.ts';

/** The daemon on a device that fails: each fault under load, no window without an answer, none with a wrong one. */
const skip = whyNoStandIn();

async function startOnChip(t: Test, kind: 'auto' | 'hailo', hailo = 'timeout_ms: 200', script = '') {
  const chip = insertChip(t);
  await chip.script(script);
  const bundle = join(chip.root, 'bundle');
  const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.yaml'), 'utf8'));
  cpSync(chip.hefPath, join(bundle, 'model.hef'));
  const digest = sha256(readFileSync(chip.hefPath));
  manifest.artefacts.push({ file: 'model.hef', kind: 'hef', sha256: digest, input_layout: [100, 9, 1] });
  manifest.artefacts.at(-1).tolerance = { cosine: 0.98 };
  writeFileSync(join(bundle, 'manifest.yaml'), JSON.stringify(manifest));
  const yaml = `server: {port: 0}
model: {bundle: ${bundle}}
backend: {kind: ${kind}, hailo: {library: ${chip.library}, ${hailo}}}
inference: {deadline_ms: 1000}
`;
  return { chip, ...(await startTestDaemon(t, { yaml, root: chip.root })) };
}

interface Answer {
  readonly status: number;
  readonly backend: string | null;
  readonly degraded: string | null;
  readonly latent: number[] | undefined;
}

async function infer(url: string, x: number[][]): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/infer?normalized=true`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ x }),
  });
  const { latent } = (await response.json()) as { latent?: number[] };
  const header = (name: string) => response.headers.get(name);
  return { status: response.status, backend: header('x-backend'), degraded: header('x-degraded'), latent };
}

const health = async (url: string) => (await fetch(`${url}/healthz`)).json() as Promise<Record<string, unknown>>;
const windowOf = (seed: number) => restWindow().map((row, i) => row.map((_, c) => Math.sin(seed + i / 9 + c) * 2));
const cosine = (a: number[], b: number[]) => {
  const dot = (x: number[], y: number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

async function backOnDevice(url: string): Promise<void> {
  while ((await health(url)).backend !== 'hailo') await new Promise((resolve) => setTimeout(resolve, 20));
}

t.test('with a chip and a .hef the device serves, and everybody is told', { skip }, async (t) => {
  const { url, notified } = await startOnChip(t, 'auto');
  t.match(await health(url), {
    ok: true,
    backend: 'hailo',
    degraded: false,
    device: /^Hailo-8/,
    hef_sha256: /^\w{64}$/,
  });
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo', degraded: null });
  t.match(notified, [/^READY Serving tiny@1 at .* on Hailo-8/]);
});

const FAULTS = [
  'crash hailo_vstream_write_raw_buffer times=1',
  'hang hailo_vstream_read_raw_buffer times=1',
  'lost',
  'swallow',
];

for (const fault of FAULTS) {
  t.test(`"${fault}" under load: every window is answered, rightly, and the device comes back`, { skip }, async (t) => {
    const { url, chip, said } = await startOnChip(t, 'auto');
    const right = await Promise.all([0, 1, 2, 3].map(async (seed) => (await infer(url, windowOf(seed))).latent!));
    const answers: { seed: number; answer: Answer }[] = [];
    let isOver = false;
    const clients = [0, 1, 2, 3].map(async (seed) => {
      while (!isOver) answers.push({ seed, answer: await infer(url, windowOf(seed)) });
    });
    await chip.script(fault);
    while ((await health(url)).backend !== 'cpu') await new Promise((resolve) => setTimeout(resolve, 5));
    await chip.script();
    await backOnDevice(url);
    isOver = true;
    await Promise.all(clients);
    t.same([...new Set(answers.map(({ answer }) => answer.status))], [200]);
    const wrong = answers.filter(({ seed, answer }) => !(cosine(answer.latent!, right[seed]!) > 0.98));
    t.same(wrong, []);
    t.ok(
      answers.some(({ answer }) => answer.backend === 'cpu' && answer.degraded !== null),
      'the CPU says why',
    );
    t.ok(said.some((line) => /^error the Hailo device does not serve/.test(line)));
    t.match(await health(url), { ok: true, backend: 'hailo', degraded: false });
  });
}

t.test('a device that answers wrongly is found by its golden windows and put out of service', { skip }, async (t) => {
  const { url, chip, daemon } = await startOnChip(t, 'auto');
  await chip.script('corrupt');
  t.equal(await daemon.state.proof!.check(), true, 'the CPU passes them in its place');
  t.match(await health(url), { ok: true, backend: 'cpu', degraded: true, degraded_reason: /golden window/ });
  await chip.script();
  await backOnDevice(url);
  t.match(await health(url), { ok: true, degraded: false });
});

t.test('a strict hailo answers 503 while the device is lost, says why, and serves again', { skip }, async (t) => {
  const { url, chip } = await startOnChip(t, 'hailo');
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo' });
  await chip.script('lost', 'none');
  t.match(await infer(url, windowOf(1)), { status: 503 });
  t.match(await health(url), { ok: false, reason: /HAILO_STREAM_ABORT|another program/ });
  await chip.script();
  await backOnDevice(url);
  while (!(await health(url)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo' });
});

t.test('a strict hailo that starts without its device serves as soon as it is there', { skip }, async (t) => {
  const { url, chip } = await startOnChip(t, 'hailo', 'timeout_ms: 200', 'none');
  t.match(await health(url), { ok: false, backend: 'hailo', reason: /No free Hailo device/ });
  await chip.script();
  while (!(await health(url)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo' });
});
