import { configCommand } from './cli/config.ts';
import { doctorCommand } from './cli/doctor.ts';
import type { Io } from './cli/io.ts';
import { selftestCommand } from './cli/selftest.ts';
import { loadConfig } from './config/load.ts';
import { doctorChecks } from './doctor.ts';
import { checkOnCpu, toLog } from './golden-check.ts';
import { showAddress } from './http/listen.ts';
import { bundleDirectory, readBundle, startDeviceHost } from './parts.ts';
import { readRelease } from './system/release.ts';

/** The subcommands beside `serve`, each with what it needs of the other layers. */

export function config(argv: string[], io: Io): Promise<number> {
  return configCommand(argv, io, process.env, `hailo-tcn-sidecar ${readRelease().version}`);
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
