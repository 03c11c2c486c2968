import t from 'tap';
import type { StreamChange, StreamPolicy } from '../../../../src/core/streams.ts';
import type { TaskDeps } from '../../../../src/core/task.ts';
import { StreamDesk } from '../../../../src/tasks/tcn/stream/desk.ts';
import { type SceneParts, scene, streamDeps } from '../fakes.ts';
import { connect } from './connection.ts';

export const HELLO = { type: 'hello', rate_hz: 100 };

/** A desk whose clock is the test's. */
export function world(parts: SceneParts & { policy?: Partial<StreamPolicy>; deps?: Partial<TaskDeps> } = {}) {
  const here = scene(parts);
  const time = { now: 0 };
  const changes: StreamChange[] = [];
  const policy = { ...streamDeps().policy(), ...parts.policy };
  const deps: TaskDeps = {
    ...here.deps,
    clock: () => time.now,
    streams: streamDeps({ policy: () => policy, changed: (change) => changes.push(change) }),
    ...parts.deps,
  };
  const desk = new StreamDesk(deps);
  t.teardown(() => desk.close());
  return { desk, deps, time, changes, policy, runs: here.runs, connect: () => connect(desk, deps) };
}
