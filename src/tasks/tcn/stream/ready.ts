import type { Ready } from '../../../core/stream-events.ts';
import { STREAM_PROTOCOL } from '../../../core/stream-hello.ts';
import type { TaskDeps } from '../../../core/task.ts';
import { planOf } from '../plan.ts';
import { RATE_HZ, ROWS } from '../schema.ts';
import { motifsFor } from './compute.ts';
import type { StreamSettings } from './hello.ts';
import { describeResampling } from './resampling.ts';
import { toLimits } from './stream-limits.ts';

/** What is in force for such a stream, but for its names. @throws SidecarError what its windows would fail with */
export function toReady(
  settings: StreamSettings,
  deps: TaskDeps,
): Omit<Ready, 'stream' | 'token' | 'resumed' | 'reason' | 'next_seq'> {
  const model = deps.served();
  const motifs = motifsFor({ settings }, model, planOf(model), deps);
  const { rateHz, hop, columns, outputs, smoothing, gaps } = settings;
  const { kind, degraded } = deps.streams.backend();
  return {
    type: 'ready',
    protocol: STREAM_PROTOCOL,
    model: model.id,
    backend: kind,
    degraded,
    rate_hz: rateHz,
    window: { samples: ROWS, rate_hz: RATE_HZ, hop },
    resampling: describeResampling(rateHz, RATE_HZ),
    channels: [...columns.names],
    units: columns.units,
    outputs,
    motif_source: motifs?.source ?? null,
    smoothing,
    gaps,
    limits: toLimits(settings, deps.streams.policy()),
  };
}
