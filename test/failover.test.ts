import t from 'tap';
import { health, infer, runFault, startOnChip, untilBackend, windowOf } from './fakes/daemon-on-chip.ts';
import { whyNoStandIn } from './fakes/hailort/build.ts';

/** The daemon on a device that fails: each fault under load, no window without an answer, none with a wrong one. */
const skip = whyNoStandIn();

t.test('with a chip and a .hef the device serves, and everybody is told', { skip }, async (t) => {
  const { url, notified } = await startOnChip(t);
  t.match(await health(url), {
    ok: true,
    backend: 'hailo',
    degraded: false,
    device: /^Hailo-8/,
    hef_sha256: /^\w{64}$/,
  });
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo', degraded: null });
  t.match(notified, [/^READY Serving tiny@1 at .* on Hailo-8/]);
  const page = await (await fetch(`${url}/metrics`)).text();
  t.match(page, /^hailo_golden_cosine\{backend="hailo"\} 0\.99\d+$/m);
  t.match(page, /^hailo_backend_active\{backend="hailo"\} 1$/m);
});

const FAULTS = [
  'crash hailo_vstream_write_raw_buffer times=1',
  'hang hailo_vstream_read_raw_buffer times=1',
  'lost',
  'swallow',
  'swallow times=1',
];

for (const fault of FAULTS) {
  t.test(`"${fault}" under load: every window is answered, rightly, and the device comes back`, { skip }, async (t) => {
    const daemon = await startOnChip(t);
    const outcome = await runFault(daemon, fault);
    t.match(outcome, { refused: 0, wrong: 0, lost: 0 });
    t.ok(outcome.onCpu > 0, 'the CPU answers, and says why');
    t.ok(daemon.said.some((line) => /^error the Hailo device does not serve/.test(line)));
    t.ok(daemon.notified.some((line) => /^STATUS Serving .* on CPU.*degraded/.test(line)));
    t.match(await health(daemon.url), { ok: true, backend: 'hailo', degraded: false });
  });
}

t.test('while the device hangs the CPU helps within the deadline of a client that waits 45 ms', { skip }, async (t) => {
  const { url, chip } = await startOnChip(t, { hailo: 'timeout_ms: 2000' });
  await infer(url, windowOf(1));
  await chip.script('hang hailo_vstream_read_raw_buffer times=1');
  const answers = [await infer(url, windowOf(1)), await infer(url, windowOf(2))];
  t.match(answers, [
    { status: 200, backend: 'cpu', degraded: /slow to answer/ },
    { status: 200, backend: 'cpu', degraded: /slow to answer/ },
  ]);
  t.match(await health(url), { backend: 'hailo' }, 'it was not given up yet');
});

t.test('a chip that comes after the start serves; before that nothing is amiss', { skip }, async (t) => {
  const daemon = await startOnChip(t, { hailo: 'probe_interval_s: 1', hasChip: false });
  t.match(await health(daemon.url), { ok: true, backend: 'cpu', degraded: false });
  daemon.chip.plugIn();
  await untilBackend(daemon.url, 'hailo');
  t.match(await infer(daemon.url, windowOf(1)), { status: 200, backend: 'hailo', degraded: null });
});

t.test('a strict hailo whose device is lost while it warms up serves later', { skip }, async (t) => {
  const { url } = await startOnChip(t, {
    kind: 'hailo',
    script: 'crash hailo_vstream_write_raw_buffer after=4 times=1',
  });
  while (!(await health(url)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo' });
});

t.test('a device that answers wrongly is found by its golden windows and put out of service', { skip }, async (t) => {
  const { url, chip, daemon } = await startOnChip(t);
  await chip.script('corrupt');
  t.equal(await daemon.state.proof!.check(), true, 'the CPU passes them in its place');
  t.match(await health(url), { ok: true, backend: 'cpu', degraded: true, degraded_reason: /golden window/ });
  await chip.script();
  await untilBackend(url, 'hailo');
  t.match(await health(url), { ok: true, degraded: false });
});

t.test('a strict hailo answers 503 while the device is lost, says why, and serves again', { skip }, async (t) => {
  const { url, chip } = await startOnChip(t, { kind: 'hailo' });
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo' });
  await chip.script('lost', 'none');
  t.match(await infer(url, windowOf(1)), { status: 503 });
  t.match(await health(url), { ok: false, reason: /HAILO_STREAM_ABORT|another program/ });
  await chip.script();
  while (!(await health(url)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo' });
});

t.test('a strict hailo that starts without its device serves as soon as it is there', { skip }, async (t) => {
  const { url, chip } = await startOnChip(t, { kind: 'hailo', script: 'none' });
  t.match(await health(url), { ok: false, backend: 'hailo', reason: /No free Hailo device/ });
  await chip.script();
  while (!(await health(url)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(await infer(url, windowOf(1)), { status: 200, backend: 'hailo' });
});
