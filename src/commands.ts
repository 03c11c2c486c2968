import { createCpuBackend, inspectOnnx } from './backends/cpu/backend.ts';
import { configCommand } from './cli/config.ts';
import { doctorCommand } from './cli/doctor.ts';
import type { Io } from './cli/io.ts';
import { modelCommand } from './cli/model.ts';
import { selftestCommand } from './cli/selftest.ts';
import { loadConfig } from './config/load.ts';
import { toYaml } from './config/render.ts';
import type { Log } from './core/log.ts';
import { doctorChecks } from './doctor.ts';
import { showAddress } from './http/listen.ts';
import type { Bundle } from './models/bundle.ts';
import { createBundle } from './models/create.ts';
import { checkGolden, type GoldenFigures } from './models/golden.ts';
import { toSource } from './models/open.ts';
import { bundleDirectory, readBundle, readYaml, startCpuThread, startDeviceHost, taskOf } from './parts.ts';
import { readRelease } from './system/release.ts';

/** The subcommands beside `serve`, each with what it needs of the other layers. */

export function config(argv: string[], io: Io): Promise<number> {
  return configCommand(argv, io, process.env, `hailo-tcn-sidecar ${readRelease().version}`);
}

export function model(argv: string[], io: Io): Promise<number> {
  const log = toLog(io);
  const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
  const task = taskOf({ task: 'tcn' });
  return modelCommand(argv, io, {
    defaultBundle: () => bundleDirectory(loadConfig({ path: null, env: process.env }).config),
    load: (directory) => readBundle(directory),
    check: checkOnCpu(log),
    create: (options) =>
      createBundle(options, {
        backend,
        inspect: (onnx) => inspectOnnx(onnx, startCpuThread, log),
        prepare: task.prepare,
        checkManifest: task.checkManifest,
        parseYaml: readYaml,
        toYaml,
      }),
  });
}

export function selftest(argv: string[], io: Io): Promise<number> {
  const configured = (path: string | null) => loadConfig({ path, env: process.env }).config;
  return selftestCommand(argv, io, {
    configuredUrl: (path) => {
      const { host, port } = configured(path).server;
      return `http://${showAddress(host, port)}`;
    },
    configuredBundle: (path) => bundleDirectory(configured(path)),
    loadGolden: (directory) => readBundle(directory),
    fetch,
  });
}

export function doctor(argv: string[], io: Io): Promise<number> {
  return doctorCommand(argv, io, (path) =>
    doctorChecks({ path, env: process.env, checkBundle: checkOnCpu(toLog(io)), startHost: startDeviceHost }),
  );
}

/** Runs a bundle's golden windows on the CPU. */
function checkOnCpu(log: Log): (bundle: Bundle) => Promise<GoldenFigures> {
  return async (bundle) => {
    const backend = createCpuBackend({ lanes: 1, startWorker: startCpuThread, log });
    try {
      const { manifest, golden } = bundle;
      const loaded = await backend.load(toSource(bundle));
      return await checkGolden({ model: loaded, manifest, golden, prepare: taskOf(manifest).prepare(manifest) });
    } finally {
      await backend.close();
    }
  };
}

function toLog(io: Io): Log {
  const nothing = () => {};
  const say = (_fields: object, message: string) => io.err(message);
  return { debug: nothing, info: nothing, warn: say, error: say };
}
