import { createAdminClient } from './admin/client.ts';
import { configCommand } from './cli/config.ts';
import { doctorCommand } from './cli/doctor.ts';
import type { Io } from './cli/io.ts';
import { selftestCommand } from './cli/selftest.ts';
import { type StreamsReply, streamsCommand } from './cli/streams.ts';
import { loadConfig } from './config/load.ts';
import { SidecarError } from './core/errors.ts';
import { doctorChecks } from './doctor.ts';
import { checkOnCpu, toLog } from './golden-check.ts';
import { bundleDirectory, readBundle, startDeviceHost } from './parts.ts';
import { reachNamed } from './reach.ts';
import { readRelease } from './system/release.ts';

/** The subcommands beside `serve`, each with what it needs of the other layers. */

export function config(argv: string[], io: Io): Promise<number> {
  return configCommand(argv, io, process.env, `hailo-tcn-sidecar ${readRelease().version}`);
}

export function selftest(argv: string[], io: Io): Promise<number> {
  return selftestCommand(argv, io, {
    reach: (url, path, tokenFile) => reachNamed(url, path, { tokenFile, env: process.env }),
    configuredBundle: (path) => bundleDirectory(loadConfig({ path, env: process.env }).config),
    loadGolden: (directory) => readBundle(directory),
  });
}

export function streams(argv: string[], io: Io): Promise<number> {
  return streamsCommand(argv, io, async (path) => {
    const { socket } = loadConfig({ path, env: process.env }).config.admin;
    if (socket === null) throw new SidecarError('UNAVAILABLE', NO_ADMIN_SOCKET);
    return (await createAdminClient(socket).call('GET', '/streams')) as StreamsReply;
  });
}

const NO_ADMIN_SOCKET = 'The configuration has no admin socket (admin.socket is null), so nobody can ask the daemon.';

export function doctor(argv: string[], io: Io): Promise<number> {
  return doctorCommand(argv, io, (path) =>
    doctorChecks({ path, env: process.env, checkBundle: checkOnCpu(toLog(io)), startHost: startDeviceHost }),
  );
}
