import type { Log } from './core/log.ts';
import type { SocketRoute } from './core/socket.ts';
import type { Task } from './core/task.ts';
import { createRateLimit } from './http/rate-limit.ts';
import type { ServerDeps } from './http/server.ts';
import type { Metrics } from './observe/metrics.ts';
import type { OipParts } from './oip/parts.ts';
import { oipRoutes } from './oip/routes.ts';
import { taskOf } from './parts.ts';
import { createServiceRoutes } from './service.ts';
import type { State } from './state.ts';
import { createStreamDeps } from './stream-record.ts';

/** All that clients reach: the doors of the model's task, and those that tell about the daemon. */
export function createDoors(
  state: State,
  metrics: Metrics,
  log: Log,
): Pick<ServerDeps, 'routes'> & { sockets: readonly SocketRoute[] } {
  const { clock } = state;
  const admit = createRateLimit({ clock, rate: () => state.rate() });
  const task = taskOf(state.manifest).create({
    served: (call) => state.served(call),
    settings: () => state.taskSettings(),
    admit,
    clock,
    streams: createStreamDeps({ state, metrics, log }),
  });
  state.endpoints = task.endpoints;
  state.streams = task.streams;
  const described = [...task.routes, ...oipRoutes(toOipParts(state, task))];
  const routes = [...described, ...createServiceRoutes(state, metrics, described)];
  return { routes, sockets: task.sockets };
}

/** As the Open Inference Protocol writes platforms: PROJECT_FORMAT. */
const PLATFORMS = { hailo: 'hailort_hef', cpu: 'onnxruntime_onnx', stub: 'stub_none' } as const;

function toOipParts(state: State, { tensors }: Task): OipParts {
  return {
    version: state.release.version,
    tensors,
    served: (call, wanted) => state.served(call, wanted),
    models: () =>
      state.seats.list().map(({ resident }) => {
        const { name, version } = resident.bundle.manifest;
        return { name, version, failure: state.failure(resident) };
      }),
    failure: () => state.failure(),
    platform: () => PLATFORMS[state.backend.state().kind],
    settings: () => state.taskSettings(),
  };
}
