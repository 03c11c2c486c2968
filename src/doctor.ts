import type { StartHost } from './backends/hailo/link.ts';
import type { Check, Finding } from './cli/doctor.ts';
import { type LoadedConfig, loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { checkAccess } from './doctor-access.ts';
import { deviceChecks } from './doctor-device.ts';
import { askSystem, systemChecks } from './doctor-system.ts';
import { showAddress, tryListening } from './http/listen.ts';
import { artefactOf, type Bundle } from './models/bundle.ts';
import type { GoldenFigures } from './models/golden.ts';
import { openBundle, toHailoSettings } from './parts.ts';
import { reachPort } from './reach.ts';
import { loadNative, type NativeName } from './system/native.ts';

export interface DoctorParts {
  readonly path: string | null;
  readonly env: NodeJS.ProcessEnv;
  /** Runs the golden windows on the CPU. */
  checkBundle(bundle: Bundle): Promise<GoldenFigures>;
  readonly startHost: StartHost;
  /** Where /sys, /dev and /proc are; / but in tests. */
  readonly root?: string;
}

const NATIVES: readonly NativeName[] = ['uws', 'onnxruntime', 'koffi'];

/** What a start needs, in the order in which a start needs it. Later checks use what earlier ones found. */
export function doctorChecks(parts: DoctorParts): Check[] {
  let loaded: LoadedConfig | null = null;
  let bundle: Promise<Bundle> | null = null;
  const config = () => {
    loaded ??= loadConfig(parts);
    return loaded;
  };
  const model = () => {
    bundle ??= openBundle(config().config);
    return bundle;
  };
  return [
    { name: 'configuration', run: () => checkConfig(config()) },
    { name: 'native parts', run: checkNatives },
    { name: 'model', run: async () => checkModel(await model()) },
    { name: 'golden windows', run: async () => toGoldenFinding(await parts.checkBundle(await model())) },
    ...deviceChecks({
      ...parts,
      kind: () => config().config.backend.kind,
      settings: () => toHailoSettings(() => config().config),
      bundle: model,
      servedBy: () => askWhoHasDevice(config()),
    }),
    { name: 'port', run: () => checkPort(config()) },
    { name: 'access', run: () => checkAccess({ config: () => config().config, ask: askSystem }) },
    ...systemChecks({ ...parts, config: () => config().config }),
  ];
}

function checkConfig({ path, version16, warnings }: LoadedConfig): Finding {
  const text = `${path ?? 'built-in defaults (no file)'}, version ${version16}`;
  if (warnings.length === 0) return { state: 'ok', text };
  return { state: 'warning', text, fix: warnings.join(' ') };
}

function checkNatives(): Finding {
  for (const name of NATIVES) loadNative(name);
  return { state: 'ok', text: `${NATIVES.join(', ')} load` };
}

function checkModel(bundle: Bundle): Finding {
  const { manifest, directory } = bundle;
  const text = `${manifest.name}@${manifest.version} in ${directory}, digests match`;
  if (manifest.motifs.head === null) {
    return {
      state: 'warning',
      text: `${text}; it has no motif scores, so /infer answers 503`,
      fix: 'Give it a head: hailo-tcn-sidecar model create --motifs FILE …, or use /encode.',
    };
  }
  return { state: 'ok', text: artefactOf(bundle, 'hef') === null ? `${text}; no .hef: it runs on the CPU` : text };
}

function toGoldenFinding({ windows, cosine, medianMs }: GoldenFigures): Finding {
  return {
    state: 'ok',
    text: `${windows} pass on the CPU, cosine ${cosine.toFixed(7)}, ${medianMs.toFixed(2)} ms each`,
  };
}

async function checkPort({ config }: LoadedConfig): Promise<Finding> {
  const { host, port } = config.server;
  const error = await tryListening(host, port);
  const place = showAddress(host, port);
  if (error === null) return { state: 'ok', text: `${place} is free` };
  if (error.code !== 'EADDRINUSE')
    return {
      state: 'failed',
      text: `cannot listen on ${place}: ${error.message}`,
      fix: 'Set server.host and server.port to an address of this machine.',
    };
  const running = await askWhoRuns(config);
  if (running !== null) return { state: 'ok', text: `${place} is served by a running daemon, ${running}` };
  return {
    state: 'failed',
    text: `${place} is taken by another program`,
    fix: `See which with: ss -ltnp 'sport = :${port}'; stop it, or set server.port.`,
  };
}

/** Two programs cannot have the device: a daemon that serves on it is the proof that it works. */
async function askWhoHasDevice({ config }: LoadedConfig): Promise<string | null> {
  const health = await askHealth(config);
  return health?.backend === 'hailo' ? (health.device ?? 'Hailo') : null;
}

async function askWhoRuns(config: Config): Promise<string | null> {
  const health = await askHealth(config);
  return health?.config_version === undefined ? null : `version ${health.version}`;
}

type Health = Readonly<Partial<Record<'backend' | 'device' | 'version' | 'config_version', string>>>;

/** Needs no token. Null when no daemon of this kind answers at the port. */
async function askHealth(config: Config): Promise<Health | null> {
  const plain = { ...config, security: { ...config.security, tls_certificate: null } };
  for (const wanted of [config, plain]) {
    try {
      const response = await reachPort(wanted, { tokenFile: null, env: {} }).ask('/healthz', { timeoutMs: 1000 });
      return (await response.json()) as Health;
    } catch {} // a daemon that was started before TLS was set still speaks without
  }
  return null;
}
