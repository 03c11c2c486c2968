import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkerInit } from './backends/cpu/protocol.ts';
import type { HailoSettings } from './backends/hailo/backend.ts';
import { parseYaml } from './config/render.ts';
import type { Config } from './config/schema.ts';
import { toPlain } from './config/source.ts';
import { SidecarError } from './core/errors.ts';
import type { Manifest } from './core/manifest.ts';
import type { TaskKind } from './core/task.ts';
import { type Bundle, loadBundle, motifCount } from './models/bundle.ts';
import { requireTrust } from './models/bundle-file/signature.ts';
import { parseRef } from './models/store/store-ref.ts';
import type { ModelRef } from './models/store/store-state.ts';
import { bundledModelDirectory, INSTALLED_MODEL } from './system/bundled-model.ts';
import { isExecutable } from './system/embedded.ts';
import { startThread } from './system/native.ts';
import { TASKS } from './tasks/index.ts';

/** The pieces that daemon and commands put together alike: each names its neighbours here, and nowhere else. */

/** Starts a CPU inference lane's thread, from the sources or from the executable. */
export function startCpuThread(init: WorkerInit): ReturnType<typeof startThread> {
  return startThread('cpu-worker.cjs', new URL('./backends/cpu/worker.ts', import.meta.url), { workerData: init });
}

/** Hidden: the process that owns libhailort, see backends/hailo/host.ts. */
export const HOST_COMMAND = 'device-host';
/** One thread writes, one per output reads, one asks for the temperature; none may wait for another. */
const HOST_THREADS = '8';

/** Starts this program again as a device host. The library reads its settings when it is loaded: no stray log files. */
export function startDeviceHost(): ChildProcess {
  const main = JSON.stringify(new URL('./main.ts', import.meta.url).href);
  const fromSources = ['--input-type=module', '--eval', `await (await import(${main})).main(['${HOST_COMMAND}'])`];
  return spawn(process.execPath, isExecutable() ? [HOST_COMMAND] : fromSources, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NOTIFY_SOCKET: undefined,
      HAILORT_LOGGER_PATH: 'NONE',
      HAILORT_CONSOLE_LOGGER_LEVEL: 'error',
      UV_THREADPOOL_SIZE: HOST_THREADS,
    },
  });
}

/** The `backend.hailo` section as the backend takes it; the configuration is asked again for what a reload may change. */
export function toHailoSettings(config: () => Config): HailoSettings {
  const { hailo } = config().backend;
  return {
    library: hailo.library,
    deviceId: hailo.device_id === null ? null : String(hailo.device_id),
    multiProcessService: hailo.multi_process_service,
    timeoutMs: hailo.timeout_ms,
    batchSize: hailo.batch_size,
    probeIntervalMs: hailo.probe_interval_s * 1000,
    keepAliveMs: config().backend.keep_alive_s === -1 ? null : config().backend.keep_alive_s * 1000,
    heatLimits: () => {
      const { temperature_warning_celsius, temperature_critical_celsius } = config().backend.hailo;
      return { warningCelsius: temperature_warning_celsius, criticalCelsius: temperature_critical_celsius };
    },
  };
}

export const readYaml = (text: string, file: string): unknown => toPlain(parseYaml(text, file));

/** The configuration names one model, by path or version: then it is served, and no command changes that. */
export const isPinned = ({ model }: Config): boolean => model.bundle !== INSTALLED_MODEL;

/** The directory of the model that serves, or would: the named one, else the store's active one, else the packaged one. */
export function bundleDirectory({ model }: Config): string {
  const named = parseRef(model.bundle);
  if (named !== null) return join(model.store, named.name, named.version);
  if (model.bundle !== INSTALLED_MODEL) return model.bundle;
  return activeDirectory(model.store) ?? bundledModelDirectory();
}

/** What the store's link shows; null when there is no store, or it shows the packaged model. */
function activeDirectory(store: string): string | null {
  const link = join(store, 'active');
  if (!existsSync(link)) return null;
  const target = realpathSync(link);
  return target.startsWith(`${realpathSync(store)}/`) ? target : null;
}

/** The model that ships with the program; it comes with the package's trust, and needs no signature of its own. */
export function packagedBundle(config: Config): Promise<Bundle> {
  return readExpected(bundledModelDirectory(), config, config.model.hef_path);
}

/** A model of the store: signed by a trusted key where there are any, and what its place says that it is. */
export async function readStored(directory: string, ref: ModelRef, config: Config): Promise<Bundle> {
  await requireTrust(directory, { trustedKeys: config.model.trusted_keys, origin: 'local' });
  const bundle = await readExpected(directory, config);
  const { name, version } = bundle.manifest;
  if (`${name}@${version}` === ref) return bundle;
  throw new SidecarError(
    'MODEL_INVALID',
    `${directory} holds ${name}@${version}, not ${ref}: remove it and install ${ref} again.`,
  );
}

/** The bundle that is configured or active, verified and trusted. Throws MODEL_MISSING, MODEL_INVALID, MODEL_UNTRUSTED. */
export async function openBundle(config: Config): Promise<Bundle> {
  const directory = bundleDirectory(config);
  if (directory === bundledModelDirectory()) return packagedBundle(config);
  if (parseRef(config.model.bundle) !== null) return readStored(directory, config.model.bundle, config);
  if (config.model.trusted_keys.length > 0) {
    await requireTrust(directory, { trustedKeys: config.model.trusted_keys, origin: 'local' });
  }
  return readExpected(directory, config, isPinned(config) ? config.model.hef_path : null);
}

/** Fit for its task and the admin's expectations. */
export async function readExpected(directory: string, config: Config, hefPath: string | null = null): Promise<Bundle> {
  const bundle = await readBundle(directory, hefPath);
  const { num_motifs: expected } = config.model;
  const count = motifCount(bundle);
  if (expected === null || expected === count) return bundle;
  throw new SidecarError(
    'MODEL_INVALID',
    `model.num_motifs (NUM_MOTIFS) is ${expected}, but ${bundle.manifest.name}@${bundle.manifest.version} has ${count ?? 'no'} motif scores: change the expectation or the model.`,
  );
}

/** A bundle directory, verified, whose task this program knows and accepts. */
export async function readBundle(directory: string, hefPath: string | null = null): Promise<Bundle> {
  const bundle = await loadBundle(directory, { parseYaml: readYaml, hefPath });
  const problems = taskOf(bundle.manifest).checkManifest(bundle.manifest, bundle.head);
  if (problems.length === 0) return bundle;
  throw new SidecarError('MODEL_INVALID', `${directory}/manifest.yaml: ${problems.join(' ')}`);
}

export function taskOf(manifest: Pick<Manifest, 'task'>): TaskKind {
  const task = TASKS.find(({ name }) => name === manifest.task);
  if (task !== undefined) return task;
  const known = TASKS.map(({ name }) => name).join(', ');
  throw new SidecarError('MODEL_INVALID', `The model's task is "${manifest.task}"; this program knows: ${known}.`);
}
