import type { Route } from './core/task.ts';
import { createRateLimit } from './http/rate-limit.ts';
import type { Metrics } from './observe/metrics.ts';
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
  return [...task.routes, ...createServiceRoutes(state, metrics, task.routes)];
}
