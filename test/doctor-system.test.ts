import t, { type Test } from 'tap';
import { toConfig } from '../src/config/keys.ts';
import type { Config } from '../src/config/schema.ts';
import { systemChecks } from '../src/doctor-system.ts';

const config = toConfig(new Map());
const CGROUPS = '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t1\t1\nmemory\t0\t1\t';

type Tree = Parameters<Test['testdir']>[0];

async function find(t: Test, name: string, tree: Tree, change: { config?: Config; shown?: string } = {}) {
  const ask = () => change.shown ?? null;
  const checks = systemChecks({ config: () => change.config ?? config, root: t.testdir(tree), ask });
  return checks.find((check) => check.name === name)!.run();
}

t.test('a kernel without the memory cgroup makes the limit inert, and that is told', async (t) => {
  t.match(await find(t, 'memory limit', { proc: { cgroups: `${CGROUPS}1\n` } }), { state: 'ok' });
  t.match(await find(t, 'memory limit', { proc: { cgroups: `${CGROUPS}0\n` } }), {
    state: 'warning',
    fix: /cgroup_enable=memory.*cmdline\.txt/,
  });
  const unified = (controllers: string) => ({ sys: { fs: { cgroup: { 'cgroup.controllers': controllers } } } });
  t.match(await find(t, 'memory limit', unified('cpu io memory pids\n')), { state: 'ok' });
  t.match(await find(t, 'memory limit', unified('cpu io pids\n')), { state: 'warning' });
});

t.test('a journal on disk that gets every request is told, a quiet one is not', async (t) => {
  const tree = { var: { log: { journal: {} } } };
  const chatty = { ...config, logging: { ...config.logging, requests: true } };
  t.match(await find(t, 'storage', tree), { state: 'ok' });
  t.match(await find(t, 'storage', tree, { config: chatty }), { state: 'warning', fix: /logging\.requests/ });
  t.match(await find(t, 'storage', {}, { config: chatty }), { state: 'ok' }, 'in memory alone');
});

t.test('a clock that has not been set yet is mentioned', async (t) => {
  const timesync = (tree: Record<string, string>) => ({ run: { systemd: { timesync: tree } } });
  t.match(await find(t, 'clock', timesync({})), { state: 'ok', text: /may jump/ });
  t.notMatch(await find(t, 'clock', timesync({ synchronized: '' })), { text: /may jump/ });
});

t.test('a unit that lets nobody through is told to who opened the daemon', async (t) => {
  const open = { ...config, server: { ...config.server, host: '0.0.0.0' } };
  const shown = 'IPAddressAllow=127.0.0.0/8 ::1/128\nIPAddressDeny=0.0.0.0/0 ::/0\n';
  t.match(await find(t, 'network', {}, { config: open, shown }), { state: 'warning', fix: /open-to-network/ });
  t.match(await find(t, 'network', {}, { shown }), { state: 'ok' });
  t.match(await find(t, 'network', {}, { config: open }), { state: 'ok', text: /no systemd/ });
});

t.test('a unit that has failed, or that sees another environment, is told', async (t) => {
  const shown = (active: string, more: string) =>
    `LoadState=loaded\nActiveState=${active}\nResult=exit-code\nStatusText=Cannot start: no\n${more}`;
  t.match(await find(t, 'service', {}, { shown: shown('failed', '') }), {
    state: 'failed',
    text: /failed \(exit-code\): Cannot start: no/,
    fix: /journalctl/,
  });
  const environment = 'Environment=SIDECAR_IP_FILTER=localhost SIDECAR_PORT=9100\n';
  t.match(await find(t, 'service', {}, { shown: shown('active', environment) }), {
    state: 'warning',
    fix: /env SIDECAR_PORT=9100 hailo-tcn-sidecar doctor/,
  });
  t.match(await find(t, 'service', {}, { shown: shown('active', '') }), { state: 'ok', text: 'the unit is active' });
  t.match(await find(t, 'service', {}, { shown: 'LoadState=not-found\n' }), { state: 'ok', text: /no unit/ });
});
