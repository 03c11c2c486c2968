import t from 'tap';
import { createMetrics, toOpenMetrics } from '../../src/observe/metrics.ts';
import type { Readings } from '../../src/observe/readings.ts';

const readings: Readings = {
  waiting: 2,
  waitingInBatches: 1,
  drops: { refused: 2, dropped: 1 },
  inFlight: 1,
  oldestMs: 1500,
  backend: 'cpu',
  golden: { cosine: 0.998, backend: 'hailo' },
  device: {
    id: 'hailo0',
    temperaturesCelsius: [51.5, 50],
    powerWatts: 2.5,
    clockHz: 4e8,
    utilisation: 0.25,
    windowMs: 0.5,
    restarts: 2,
    events: { 'clock change': 3 },
  },
  streams: {
    opened: 3,
    resumed: 1,
    refused: { STREAMS_FULL: 2 },
    samples: 700,
    gaps: 1,
    dropped: 4,
    connected: 2,
    detached: 1,
    watchers: 1,
    declared: 8,
  },
  isDegraded: false,
  certificateExpiresAtMs: 1_800_000_000_000,
  versions: [],
  candidate: null,
  isOnProbation: false,
  configOk: { ok: true, expected: 'aa', actual: 'aa' },
};

const hailoLines = (page: string) => page.split('\n').filter((line) => line.startsWith('hailo_'));

t.test('what clients query is there, with its labels', async (t) => {
  const metrics = createMetrics(() => readings);
  metrics.windows('/infer/batch', 'ok', 30);
  metrics.windows('/infer/batch', 'ok', 1);
  metrics.windows('/infer/batch', 'INVALID_INPUT', 1);
  metrics.inputWarning('/infer', 'acc_g');
  metrics.requestAnswered('tcn', 2);
  metrics.requestRefused('tcn', 'QUEUE_FULL');
  metrics.exchange('/infer', 'POST', 200);
  metrics.healthCheck(true);
  metrics.healthCheck(false);
  metrics.build({ version: '1', hefSha: 'none', config: 'aa' });
  metrics.modelServed({ model: 'tcn', version: '7', hefPath: '', motifs: 12, device: 'CPU' });
  const lines = hailoLines(await metrics.page(false));
  const expected = [
    'hailo_inference_requests_total{status="success",model="tcn"} 1',
    'hailo_inference_requests_total{status="error",model="tcn"} 1',
    'hailo_inference_duration_seconds_bucket{le="0.005",model="tcn"} 1',
    'hailo_errors_total{error_type="QUEUE_FULL",model="tcn"} 1',
    'hailo_http_requests_total{route="/infer",method="POST",status="200"} 1',
    'hailo_health_checks_total{status="healthy"} 1',
    'hailo_health_checks_total{status="unhealthy"} 1',
    'hailo_build_info{version="1",hef_sha="none",config="aa"} 1',
    'hailo_model_loaded{model="tcn",version="7"} 1',
    'hailo_model_info{model="tcn",hef_path="",motifs="12",device="CPU"} 1',
    'hailo_config_ok{expected="aa",actual="aa"} 1',
    'hailo_queue_waiting 2',
    'hailo_queue_waiting_in_batches 1',
    'hailo_queue_drops_total{when="at_once"} 2',
    'hailo_queue_drops_total{when="waiting"} 1',
    'hailo_windows_total{route="/infer/batch",outcome="ok"} 31',
    'hailo_windows_total{route="/infer/batch",outcome="INVALID_INPUT"} 1',
    'hailo_input_warnings_total{warning="acc_g",route="/infer"} 1',
    'hailo_queue_oldest_seconds 1.5',
    'hailo_degraded 0',
    'hailo_tls_certificate_expiry_timestamp_seconds 1800000000',
    'hailo_device_temperature_celsius{device_id="hailo0",sensor="ts0"} 51.5',
    'hailo_device_temperature_celsius{device_id="hailo0",sensor="ts1"} 50',
    'hailo_device_utilization_percent{device_id="hailo0"} 25',
    'hailo_device_window_seconds{device_id="hailo0"} 0.0005',
    'hailo_device_power_watts{device_id="hailo0"} 2.5',
    'hailo_device_clock_hertz{device_id="hailo0"} 400000000',
    'hailo_device_restarts_total{device_id="hailo0"} 2',
    'hailo_device_events_total{device_id="hailo0",event="clock change"} 3',
    'hailo_golden_cosine{backend="hailo"} 0.998',
    'hailo_backend_active{backend="cpu"} 1',
  ];
  t.same(
    expected.filter((line) => !lines.includes(line)),
    [],
  );
});

t.test('a value that is not known is absent, never zero', async (t) => {
  const metrics = createMetrics(() => ({
    ...readings,
    waiting: null,
    waitingInBatches: null,
    drops: null,
    oldestMs: null,
    inFlight: null,
    configOk: null,
    device: null,
    golden: null,
    certificateExpiresAtMs: null,
  }));
  metrics.modelServed(null);
  const unknown = /^hailo_(queue_|config_ok|model_loaded|model_info|device_|golden_|tls_)/;
  t.same(
    hailoLines(await metrics.page(false)).filter((line) => unknown.test(line)),
    [],
  );
});

const version = (id: string, role: string, answered: number): Readings['versions'][number] => ({
  ...{ model: 'tcn', version: id, role, totals: { answered, errors: 1, late: 0 } },
  figures: { latencyMs: { median: 2, p99: 4 } },
});

t.test('a version counts on in the same series when its role changes', async (t) => {
  let versions = [version('1', 'active', 100), version('2', 'candidate', 10)];
  const metrics = createMetrics(() => ({ ...readings, versions }));
  const lines = async () =>
    hailoLines(await metrics.page(false)).filter((line) => /^hailo_(version|model_role)/.test(line));
  const before = await lines();
  versions = [version('2', 'active', 30), version('1', 'standby', 120)];
  const after = await lines();
  const counted = (page: readonly string[]) =>
    page.flatMap((line) => /^hailo_version_windows_total(\{.*\}) /.exec(line)?.[1] ?? []).sort();
  t.same(counted(after), counted(before));
  t.ok(after.includes('hailo_version_windows_total{model="tcn",version="2",outcome="answered"} 30'));
  t.same(
    after.filter((line) => line.startsWith('hailo_model_role')),
    [
      'hailo_model_role{model="tcn",version="2",role="active"} 1',
      'hailo_model_role{model="tcn",version="1",role="standby"} 1',
    ],
  );
  t.ok(after.includes('hailo_version_latency_seconds{model="tcn",version="2",role="active",quantile="0.99"} 0.004'));
});

t.test('a page reads once, and each page its own, also when two are asked for at the same time', async (t) => {
  let calls = 0;
  const metrics = createMetrics(() => {
    calls += 1;
    return { ...readings, waiting: calls, inFlight: calls, versions: [version('1', 'active', calls)] };
  });
  const figures = (page: string) =>
    hailoLines(page).flatMap(
      (line) =>
        /^hailo_(?:queue_waiting|queue_in_flight|version_windows_total.*"answered"\}) (.*)/.exec(line)?.[1] ?? [],
    );
  t.same(figures(await metrics.page(false)), ['1', '1', '1']);
  t.equal(calls, 1);
  const pages = await Promise.all([metrics.page(false), metrics.page(true), metrics.page(false)]);
  t.same(
    pages.map(figures),
    [2, 3, 4].map((call) => Array(3).fill(String(call))),
  );
  t.equal(calls, 4);
});

t.test('a page that cannot be made does not keep the next one from its turn', async (t) => {
  let isBroken = true;
  const metrics = createMetrics(() => {
    if (isBroken) throw new Error('not now');
    return readings;
  });
  await t.rejects(metrics.page(false), { message: 'not now' });
  isBroken = false;
  t.match(await metrics.page(false), /^hailo_queue_waiting 2$/m);
});

t.test('the hailo families come after the process ones', async (t) => {
  const page = await createMetrics(() => readings).page(false);
  t.ok(page.indexOf('# TYPE hailo_') > page.lastIndexOf('# TYPE process_'));
  t.ok(page.indexOf('# TYPE hailo_') > page.lastIndexOf('# TYPE nodejs_'));
});

t.test('OpenMetrics is asked for and leaves the other format as it was', async (t) => {
  const metrics = createMetrics(() => readings);
  metrics.healthCheck(true);
  const open = await metrics.page(true);
  const plain = await metrics.page(false);
  t.match(open, /# TYPE hailo_health_checks counter\nhailo_health_checks_total\{status="healthy"\} 1\n/);
  t.ok(open.endsWith('\n# EOF\n'));
  t.notMatch(open, /\n\n/);
  t.match(plain, /# TYPE hailo_health_checks_total counter/);
  t.notMatch(plain, /# EOF/);
});

t.test('only counters lose their suffix', async (t) => {
  const page =
    '# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n\n# HELP b_total B.\n# TYPE b_total counter\nb_total 2\n';
  t.equal(
    toOpenMetrics(page),
    '# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n# HELP b B.\n# TYPE b counter\nb_total 2\n# EOF\n',
  );
});
