import type { Route, Task } from './core/task.ts';
import { createRateLimit } from './http/rate-limit.ts';
import type { Metrics } from './observe/metrics.ts';
import type { OipParts } from './oip/parts.ts';
import { oipRoutes } from './oip/routes.ts';
import { taskOf } from './parts.ts';
import { createServiceRoutes } from './service.ts';
import type { State } from './state.ts';

/** Every route that clients reach: those of the model's task, and those that tell about the daemon. */
export function createDoors(state: State, metrics: Metrics): readonly Route[] {
  const { clock } = state;
  const admit = createRateLimit({ clock, rate: () => state.rate() });
  const task = taskOf(state.manifest).create({
    served: (call) => state.served(call),
    settings: () => state.taskSettings(),
    admit,
    clock,
  });
  state.endpoints = task.endpoints;
  const described = [...task.routes, ...oipRoutes(toOipParts(state, task))];
  return [...described, ...createServiceRoutes(state, metrics, described)];
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
