import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout as passed } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { ERRORS } from '../../src/core/errors.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { skipWithout } from '../e2e/launch.ts';
import { restWindow, startTestDaemon, type TestDaemon } from '../fakes/daemon.ts';
import { MONITORING, PROMETHEUS, PROMTOOL, read, startPrometheus } from './prometheus.ts';

const REMEDY = "install Debian's package prometheus";
const skip = skipWithout({ [PROMETHEUS]: REMEDY, [PROMTOOL]: REMEDY });
const FOREIGN_LABELS = ['job', 'instance', 'le']; // Prometheus' own, and a histogram's

interface Family {
  readonly type: string;
  readonly labels: Set<string>;
}

/** Everything that the daemon can export, by the names that a query uses. */
async function exported(): Promise<Map<string, Family>> {
  const page = await fullPage();
  const families = new Map<string, Family>();
  for (const [, name = '', type = ''] of page.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of suffixes) families.set(name + suffix, { type, labels: new Set() });
  }
  for (const [, name = '', labels = ''] of page.matchAll(/^(\w+)\{(.*)\} /gm)) {
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) families.get(name)?.labels.add(label);
  }
  return families;
}

const labels = { model: 'tiny', version: '1', role: 'active' };
const VERSIONS = {
  versions: [{ ...labels, totals: { answered: 1, errors: 0, late: 0 }, figures: { latencyMs: { median: 1, p99: 2 } } }],
  candidate: { pairs: 1, dropped: 0, cosine: { mean: 1 }, motifAgreement: 1 },
  isOnProbation: true,
};

const STREAMS = {
  ...{ opened: 1, resumed: 1, refused: { STREAMS_FULL: 1 }, samples: 1, gaps: 1, dropped: 1 },
  ...{ connected: 1, detached: 1, watchers: 1, declared: 4 },
};

/** A page with a sample in every family. */
async function fullPage(): Promise<string> {
  const metrics = createMetrics(() => ({
    ...{
      waiting: 1,
      waitingInBatches: 1,
      drops: { refused: 1, dropped: 1 },
      inFlight: 1,
      oldestMs: 1,
      backend: 'hailo',
      isDegraded: false,
      certificateExpiresAtMs: 1_800_000_000_000,
    },
    ...VERSIONS,
    streams: STREAMS,
    golden: { cosine: 1, backend: 'hailo' },
    device: {
      ...{
        id: 'hailo0',
        temperaturesCelsius: [50, 51],
        powerWatts: 2,
        clockHz: 4e8,
        windowMs: 0.5,
        utilisation: 0.5,
        restarts: 1,
      },
      events: { overcurrent: 1 },
    },
    configOk: { ok: true, expected: 'a', actual: 'a' },
  }));
  metrics.requestAnswered('m', 1);
  metrics.requestRefused('m', 'QUEUE_FULL');
  metrics.exchange('/infer', 'POST', 200);
  metrics.windows('/infer', 'ok', 1);
  metrics.inputWarning('/infer', 'acc_g');
  metrics.healthCheck(true);
  metrics.modelServed({ model: 'm', version: '1', hefPath: '', motifs: 12, device: 'd' });
  metrics.build({ version: '1', hefSha: 'none', config: 'a' });
  return metrics.page(false);
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const dashboard = JSON.parse(read('dashboard.json')) as Dashboard;
const alerts = read('alerts.yml');
/** Comments and prose, too: what they name must exist as well. */
const texts = { 'alerts.yml': alerts, 'dashboard.json': JSON.stringify(dashboard).replaceAll('\\"', '"') };
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match.slice(1));

for (const [file, text] of Object.entries(texts)) {
  t.test(`${file} names only metrics that the daemon exports`, async (t) => {
    const families = await exported();
    const named = new Set(matches(text, /\b((?:hailo|process|nodejs)_\w+)/g).flat());
    t.ok(named.size > 10, `${named.size} names found`);
    t.same(
      [...named].filter((name) => !families.has(name)),
      [],
    );
  });

  t.test(`${file} asks metrics only for labels that they have`, async (t) => {
    const families = await exported();
    const selectors = matches(text, /\b((?:hailo|process|nodejs)_\w+)\{([^}]*)\}/g);
    t.ok(selectors.length > 3, `${selectors.length} selectors found`);
    const asked = selectors.flatMap(([name = '', inner = '']) =>
      matches(inner, /(\w+)(?:=~|!~|!=|=)"/g).map(([label = '']) => ({ name, label })),
    );
    t.same(
      asked.filter(({ name, label }) => !FOREIGN_LABELS.includes(label) && !families.get(name)?.labels.has(label)),
      [],
    );
  });

  t.test(`${file} takes rates of counters only`, async (t) => {
    const families = await exported();
    const rated = matches(text, /\b(?:rate|increase)\((\w+)/g).flat();
    t.ok(rated.length > 3);
    t.same(
      rated.filter((name) => !['counter', 'histogram'].includes(families.get(name)?.type ?? 'none')),
      [],
    );
  });
}

t.test('error codes in alerts exist', async (t) => {
  const codes = matches(alerts, /error_type[=!]~"([A-Z_0-9|]+)"/g).flatMap(([list = '']) => list.split('|'));
  t.ok(codes.length > 3);
  t.same(
    codes.filter((code) => !(code in ERRORS)),
    [],
  );
});

t.test('each alert has a severity and says what to do', async (t) => {
  const rules = alerts.split(/^ +- alert: /m).slice(1);
  t.ok(rules.length > 10);
  for (const rule of rules) {
    const name = rule.split('\n')[0];
    t.match(rule, /severity: (critical|warning|info)\n/, `${name}: severity`);
    t.match(rule, /summary: .*\{\{ \$labels\.instance \}\}/, `${name}: where`);
    const text = rule.replace(/\s+/g, ' ');
    t.match(text, /journalctl -u hailo-tcn-sidecar/, `${name}: what happened`);
    t.match(text, /systemctl \w+ hailo-tcn-sidecar|hailo-tcn-sidecar doctor/, `${name}: what to do`);
  }
});

t.test('each alert fires in alerts.test.yml', async (t) => {
  const fired = new Set(matches(read('alerts.test.yml'), /alertname="(\w+)",alertstate="firing"/g).flat());
  t.same(
    matches(alerts, /- alert: (\w+)/g).flatMap(([name = '']) => (fired.has(name) ? [] : [name])),
    [],
  );
});

t.test('the panels of the dashboard have numbers of their own', async (t) => {
  const ids = dashboard.panels.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length);
});

const promtool = (...args: string[]) => promisify(execFile)(PROMTOOL, args, { cwd: MONITORING });

t.test('promtool accepts what ships', { skip }, async (t) => {
  await t.resolves(promtool('check', 'rules', 'alerts.yml'));
  await t.resolves(promtool('check', 'config', 'prometheus.yml'));
});

t.test('promtool: each alert fires when it should and not before', { skip }, async (t) => {
  const { stdout } = await promtool('test', 'rules', 'alerts.test.yml');
  t.match(stdout, /SUCCESS/);
});

/** What no daemon here can show: device readings, the age of a window that waits at the moment of a scrape, a restart. */
const UNSEEN = /hailo_device_|hailo_queue_oldest_seconds|changes\(.*> 0$/;

/** Expressions of the dashboard as Grafana would send them. */
function expressions(): string[] {
  const written = [...dashboard.panels.flatMap(({ targets = [] }) => targets), ...dashboard.annotations.list];
  return written.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.+'));
}

async function infer({ url }: TestDaemon, x: unknown): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${url}/infer`, { method: 'POST', headers, body: JSON.stringify({ x }) })).status;
}

/** More at a time than its queue holds, again and again until `isOver` settles. */
async function overload(daemon: TestDaemon, isOver: Promise<void>): Promise<void> {
  let goesOn = true;
  const stop = () => {
    goesOn = false;
  };
  isOver.then(stop, stop);
  while (goesOn) {
    await Promise.all(Array.from({ length: 8 }, () => infer(daemon, restWindow())));
    await passed(100);
  }
}

t.test('a real Prometheus scrapes daemons, fires on faults, and goes silent when they end', { skip }, async (t) => {
  const healthy = await startTestDaemon(t);
  const root = t.testdir({ dev: { hailo0: '' } }); // a chip without a model for it: the CPU answers, degraded
  const yaml = 'server: {port: 0}\nbackend: {kind: auto}\ninference: {deadline_ms: 5000, max_queue_size: 1}\n';
  const poor = await startTestDaemon(t, { root, yaml });
  const at = (name: string, { url }: TestDaemon) => `${name} ${new URL(url).host}`;
  t.same([await infer(healthy, restWindow()), await infer(healthy, 'no window')], [200, 422]);
  await fetch(`${healthy.url}/healthz`);

  const prometheus = await startPrometheus(t, [healthy.url, poor.url]);
  const standing = [at('HailoSidecarDegraded', poor)];
  await prometheus.untilFiring(...standing);

  standing.push(at('HailoSidecarRefusing', poor)); // stays as long as the five minutes that its rate is taken over
  const isRefusing = prometheus.untilFiring(...standing);
  await Promise.all([isRefusing, overload(poor, isRefusing)]);

  appendFileSync(healthy.configFile, 'logging: {level: warn}\n');
  await prometheus.untilFiring(...standing, at('HailoSidecarConfigNotInForce', healthy));
  for (const { annotations, labels } of await prometheus.alerts()) {
    t.match(annotations.summary, labels.instance!, `${labels.alertname} says where`);
    t.notMatch(JSON.stringify(annotations), /\{\{|no value|error expanding/, `${labels.alertname} reads well`);
  }
  healthy.daemon.reload();
  await prometheus.untilFiring(...standing);

  const answers = expressions().map(async (text) => ({ text, found: (await prometheus.query(text)).length }));
  const empty = (await Promise.all(answers)).filter(({ text, found }) => found === 0 && !UNSEEN.test(text));
  t.same(empty, [], 'every panel has something to show');

  await healthy.stop();
  await prometheus.untilFiring(...standing, at('HailoSidecarDown', healthy));
});
