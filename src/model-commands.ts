import { createAdminClient, DaemonAbsent } from './admin/client.ts';
import { createCpuBackend, inspectOnnx } from './backends/cpu/backend.ts';
import { createStoreClaim, unreachableDaemon } from './claim.ts';
import type { Io } from './cli/io.ts';
import { modelCommand } from './cli/model.ts';
import type { ActivateDeps } from './cli/model-activate.ts';
import type { InstallDeps, InstallSource } from './cli/model-install.ts';
import type { DaemonReply } from './cli/store-deps.ts';
import { loadConfig } from './config/load.ts';
import { toYaml } from './config/render.ts';
import type { Config } from './config/schema.ts';
import { SidecarError } from './core/errors.ts';
import { findBundle } from './find-bundle.ts';
import { checkOnCpu, toLog } from './golden-check.ts';
import { fetchBundle, openLocal } from './install-source.ts';
import { openModelStore } from './model-store.ts';
import { artefactOf, type Bundle } from './models/bundle.ts';
import { MAX_BUNDLE_BYTES } from './models/bundle-file/member-rules.ts';
import { requireTrust } from './models/bundle-file/signature.ts';
import { createBundle } from './models/create.ts';
import { fitMotifs } from './models/motifs/fit-motifs.ts';
import { refOf } from './models/store/store-ref.ts';
import { PACKAGED } from './models/store/store-state.ts';
import { bundleDirectory, readBundle, readExpected, readStored, readYaml, startCpuThread, taskOf } from './parts.ts';
import { whyPinned } from './rollout.ts';
import { workAsOwner } from './store-work.ts';
import { bootId, timeOfDay } from './system/boot.ts';
import { bundledModelDirectory } from './system/bundled-model.ts';

/** An activation loads, warms up and proves a model; on a device that takes a while. */
const COMMAND_MS = 120_000;

/** `model …`, with what its commands need of the other layers. */
export function model(argv: string[], io: Io): Promise<number> {
  const { path, rest } = takeConfig(argv);
  const config = lazily(() => loadConfig({ path, env: process.env }).config);
  const check = checkOnCpu(toLog(io));
  const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log: toLog(io) });
  const task = taskOf({ task: 'tcn' });
  const load = async (from: string) => readBundle(await findBundle(from, config, toWarn(io)));
  const provable = async (directory: string) => {
    const bundle = await readBundle(directory);
    refOf(bundle.manifest); // what the store could not hold
    return provedOnCpu(bundle, check);
  };
  return modelCommand(rest, io, {
    defaultBundle: () => bundleDirectory(config()),
    load: (from) => load(from),
    check,
    create: (options) =>
      createBundle(options, {
        backend,
        inspect: (onnx) => inspectOnnx(onnx, startCpuThread, toLog(io)),
        prepare: task.prepare,
        checkManifest: task.checkManifest,
        parseYaml: readYaml,
        toYaml,
      }),
    pack: { verify: provable },
    verify: { trustedKeys: () => config().model.trusted_keys },
    fitMotifs: {
      load: (from) => load(from ?? bundleDirectory(config())),
      fit: async (source, options, progress) => {
        const ofSource = taskOf(source.manifest);
        const parts = {
          backend,
          prepare: ofSource.prepare,
          parseWindow: ofSource.parseWindow,
          checkManifest: ofSource.checkManifest,
        };
        return fitMotifs(source, options, { ...parts, ...progress, parseYaml: readYaml, toYaml, stdin: process.stdin });
      },
    },
    store: () => storeDeps(config(), io, (bundle) => provedOnCpu(bundle, check)),
  });
}

/** `--config FILE` belongs to all subcommands alike, so it stands before them. */
function takeConfig(argv: string[]): { path: string | null; rest: string[] } {
  const [first, path, ...rest] = argv;
  if (first !== '--config') return { path: null, rest: argv };
  if (path === undefined)
    throw new SidecarError('USAGE', 'model: --config needs a file. See "hailo-tcn-sidecar model --help".');
  return { path, rest };
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const toWarn = (io: Io) => (text: string) => io.err(`${io.errColour.yellow('!')} ${text}`);

/** Where only a .hef is in it, the device must say whether it is right. */
async function provedOnCpu(bundle: Bundle, check: (bundle: Bundle) => Promise<unknown>): Promise<Bundle> {
  if (artefactOf(bundle, 'onnx') !== null) await check(bundle);
  return bundle;
}

function storeDeps(config: Config, io: Io, prove: (bundle: Bundle) => Promise<Bundle>): ActivateDeps & InstallDeps {
  const store = openModelStore(config, {
    what: 'a command',
    warn: toWarn(io),
  });
  const asOwner = <T>(work: () => Promise<T>) => workAsOwner(config.model.store, work);
  const proving = <T>(work: () => Promise<T>) => workAsOwner(config.model.store, work, ['koffi', 'onnxruntime']);
  return {
    store,
    asOwner,
    offline: (work) => asOwner(() => unclaimed(config.model.store, work)),
    ask: (method, path, body) => ask(config, method, path, body),
    whyPinned: whyPinned(config),
    packagedId,
    boot: bootId(),
    now: timeOfDay,
    check: async (ref) => {
      if (ref === PACKAGED) return;
      await proving(async () => prove(await readStored(store.directoryOf(ref), ref, config)));
    },
    openLocal,
    download: (url, sha256, onProgress) => fetchBundle(url, sha256, onProgress),
    install: (source) => proving(() => install(config, source, prove, store)),
  };
}

/** A damaged one is for others to complain of. */
async function packagedId(): Promise<string | null> {
  const bundle = await readBundle(bundledModelDirectory()).catch(() => null);
  return bundle && `${bundle.manifest.name}@${bundle.manifest.version}`;
}

/** No daemon starts meanwhile. */
async function unclaimed<T>(root: string, work: () => Promise<T>): Promise<T> {
  const claim = createStoreClaim(root);
  if ((await claim.take()) === 'others') throw unreachableDaemon(root, claim.refusal);
  try {
    return await work();
  } finally {
    await claim.release();
  }
}

async function ask(
  config: Config,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body: unknown,
): Promise<DaemonReply | null> {
  const { socket } = config.admin;
  if (socket === null) return null;
  try {
    return (await createAdminClient(socket).call(method, path, body, { timeoutMs: COMMAND_MS })) as DaemonReply;
  } catch (thrown) {
    if (thrown instanceof DaemonAbsent) return null;
    throw thrown;
  }
}

function install(
  config: Config,
  { members, origin }: InstallSource,
  prove: (bundle: Bundle) => Promise<Bundle>,
  store: ReturnType<typeof openModelStore>,
): ReturnType<InstallDeps['install']> {
  const verify = async (directory: string) => {
    const bundle = await look(directory).catch((thrown) => {
      throw withoutStaging(thrown, directory);
    });
    return { ...bundle, name: bundle.manifest.name, version: bundle.manifest.version };
  };
  async function look(directory: string): Promise<Bundle> {
    await requireTrust(directory, { trustedKeys: config.model.trusted_keys, origin });
    return prove(await readExpected(directory, config));
  }
  return store.install(members, { verify, maxBytes: MAX_BUNDLE_BYTES });
}

/** The directory is gone when the sentence is read. */
function withoutStaging(thrown: unknown, directory: string): unknown {
  if (!(thrown instanceof SidecarError)) return thrown;
  const sentence = thrown.message.replaceAll(`${directory}/`, '').replaceAll(directory, 'The bundle');
  return new SidecarError(thrown.code, sentence, { cause: thrown });
}
