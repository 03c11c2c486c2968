import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { ENVIRONMENT } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ROOT } from '../e2e/launch.ts';
import { LIMITS } from './container/runtime-config.ts';

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const CONTAINERFILE = read('packaging/container/Containerfile');
const { version } = JSON.parse(read('package.json')) as { version: string };

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly healthcheck: Readonly<Record<string, unknown>> & { readonly test: readonly string[] };
  readonly volumes: readonly unknown[];
  readonly [field: string]: unknown;
}

const { services } = parse(read('packaging/container/compose.yaml'), { merge: true }) as {
  services: Readonly<Record<string, Service>>;
};
const cpu = services['hailo-inference']!;
const device = services['hailo-inference-device']!;

t.test('there is a service for either profile, and both are called hailo-inference', async (t) => {
  t.strictSame(Object.keys(services), ['hailo-inference', 'hailo-inference-device']);
  t.strictSame([cpu.profiles, device.profiles], [['cpu'], ['hailo']]);
  t.strictSame(device.networks, { default: { aliases: ['hailo-inference'] } });
});

t.test('only the device profile has a device, its group, and the library of this machine', async (t) => {
  t.strictSame(device.devices, [`\${HAILO_DEVICE:-/dev/hailo0}:/dev/hailo0`]);
  t.strictSame(device.group_add, [`\${HAILO_GID:-hailo}`]);
  const [models, library] = device.volumes;
  t.strictSame([models], cpu.volumes);
  t.match(library, { target: '/usr/lib/libhailort.so', read_only: true, bind: { create_host_path: false } });
  t.strictSame([cpu.devices, cpu.group_add], [undefined, undefined]);
});

for (const [name, service] of Object.entries(services)) {
  t.test(`${name} is locked up, limited, and open to this machine alone`, async (t) => {
    t.match(service, {
      ports: [`\${BIND:-127.0.0.1}:\${PORT:-9000}:9000`],
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      tmpfs: [/^\/tmp:.*noexec/],
      mem_limit: `${LIMITS.bytes / 2 ** 20}m`,
      memswap_limit: `${LIMITS.bytes / 2 ** 20}m`,
      pids_limit: LIMITS.pids,
      restart: 'unless-stopped',
      stop_grace_period: '15s',
      logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
    });
    t.equal(service.volumes[0], `\${MODELS:-./models}:/models:ro`);
    t.notOk('privileged' in service || 'network_mode' in service);
  });

  t.test(`${name} hands in every variable of the contract, empty unless it is set`, async (t) => {
    const current = ENVIRONMENT.map(({ names }) => names[0]!);
    t.strictSame(Object.keys(service.environment).sort(), current.sort());
    const { SIDECAR_HOST: host, SIDECAR_PORT: port, ...others } = service.environment;
    t.strictSame([host, port], ['0.0.0.0', '9000'], 'inside; outside it is what ports says');
    for (const [variable, value] of Object.entries(others)) t.equal(value, `\${${variable}:-}`);
  });

  t.test(`${name} has the health check of the contract and of the image`, async (t) => {
    const { test, ...times } = service.healthcheck;
    t.strictSame(times, { interval: '30s', timeout: '5s', start_period: '60s', retries: 3 });
    const inImage = /^HEALTHCHECK .*\\\n +CMD (.*)$/m.exec(CONTAINERFILE)?.[1] ?? 'null';
    t.strictSame(
      test.map((part) => part.replaceAll('$$', '$')),
      ['CMD', ...JSON.parse(inImage)],
    );
  });
}

t.test('both files name the version of this package', async (t) => {
  t.equal(cpu.image, `hailo-tcn-sidecar:${version}`);
  t.match(CONTAINERFILE, new RegExp(`^ARG VERSION=${version.replaceAll('.', '\\.')}$`, 'm'));
});

t.test('the image’s own configuration is valid with its environment, and every line of it is needed', async (t) => {
  const path = join(ROOT, 'packaging/container/hailo-tcn-sidecar.yaml');
  const env = { SIDECAR_HOST: '0.0.0.0', SIDECAR_PORT: '9000' };
  const { config, warnings } = loadConfig({ path, env });
  t.match(config, { server: { host: '0.0.0.0' }, security: { insecure: true } });
  t.match(warnings, [/everybody who can reach/]);
  t.throws(() => loadConfig({ path: '/dev/null', env }), { code: 'CONFIG_INVALID' });
});
