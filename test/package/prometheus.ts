import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import type { Test } from 'tap';
import { freePort, ROOT } from '../e2e/launch.ts';

export const MONITORING = join(ROOT, 'packaging/monitoring');
export const PROMETHEUS = '/usr/bin/prometheus';
export const PROMTOOL = '/usr/bin/promtool';

export interface Alert {
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A real Prometheus with the configuration that ships, but other targets and quicker. */
export interface Prometheus {
  /** Results of an expression; throws what Prometheus says of one that it does not understand. */
  query(expression: string): Promise<readonly unknown[]>;
  /** Pending and firing ones, without those that only depend on the machine. */
  alerts(): Promise<readonly Alert[]>;
  /** Waits until exactly these alerts fire, as `name instance`; throws with those that do instead. */
  untilFiring(...expected: string[]): Promise<void>;
}

const PATIENCE_MS = 30_000;
/** They depend on the machine, and on the memory of the test process, which holds all daemons and their clients. */
const NOT_ASKED = ['HailoSidecarSlow', 'HailoSidecarMemoryHigh'];

/** Starts one for daemons at these URLs; it is stopped when the test ends. */
export async function startPrometheus(t: Pick<Test, 'teardown'>, urls: readonly string[]): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'prometheus-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeQuicker(directory, urls);
  const port = await freePort();
  const child = spawn(
    PROMETHEUS,
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const base = `http://127.0.0.1:${port}`;
  await until('Prometheus to be ready', async () => (await isReady(base)) || 'it is not');
  return apiOf(base);
}

function writeQuicker(directory: string, urls: readonly string[]): void {
  const targets = urls.map((url) => `'${new URL(url).host}'`).join(', ');
  const config = replaced(read('prometheus.yml'), [
    [/(scrape|evaluation)_interval: 10s/g, '$1_interval: 500ms'],
    [/scrape_timeout: 5s/, 'scrape_timeout: 500ms'],
    [/targets: \[.*\]/, `targets: [${targets}]`],
  ]);
  writeFileSync(join(directory, 'prometheus.yml'), config);
  writeFileSync(join(directory, 'alerts.yml'), replaced(read('alerts.yml'), [[/ for: \w+/g, ' for: 1s']]));
}

/** Throws when there is nothing to replace: the test would then wait for what ships. */
function replaced(text: string, changes: readonly [RegExp, string][]): string {
  return changes.reduce((before, [what, by]) => {
    if (before.search(what) < 0) throw new Error(`nothing matches ${what}`);
    return before.replace(what, by);
  }, text);
}

export function read(name: string): string {
  return readFileSync(join(MONITORING, name), 'utf8');
}

function apiOf(base: string): Prometheus {
  const get = async (path: string) => {
    const reply = (await (await fetch(`${base}/api/v1/${path}`)).json()) as { data?: unknown; error?: string };
    if (reply.error !== undefined) throw new Error(`${path}: ${reply.error}`);
    return reply.data;
  };
  const alerts = async () => {
    const all = ((await get('alerts')) as { alerts: Alert[] }).alerts;
    return all.filter(({ labels }) => !NOT_ASKED.includes(labels.alertname ?? ''));
  };
  return {
    query: async (expression) => {
      const data = await get(`query?query=${encodeURIComponent(expression)}`);
      return (data as { result: unknown[] }).result;
    },
    alerts,
    untilFiring: async (...expected) => {
      const wanted = expected.sort().join(', ');
      await until(`"${wanted}" to fire`, async () => {
        const firing = (await alerts()).filter(({ state }) => state === 'firing');
        const names = firing.map(({ labels }) => `${labels.alertname} ${labels.instance}`);
        return names.sort().join(', ') === wanted || `"${names.join(', ')}" fires`;
      });
    },
  };
}

async function isReady(base: string): Promise<boolean> {
  return fetch(`${base}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Asks until the answer is true; then, or else, throws with what was awaited and the last answer. */
async function until(what: string, ask: () => Promise<true | string>): Promise<void> {
  const endAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer === true) return;
    if (performance.now() > endAt) throw new Error(`waited ${PATIENCE_MS} ms for ${what}, but ${answer}`);
    await passed(100);
  }
}
