import type { BackendKind } from '../../../src/core/backend.ts';
import type { RolloutLimits } from '../../../src/models/rollout/rollout-limits.ts';
import type { Latency } from '../../../src/models/rollout/samples.ts';
import type { VitalFigures } from '../../../src/models/rollout/vitals.ts';

export const LIMITS: RolloutLimits = {
  probationMs: 60_000,
  minSamples: 200,
  maxErrorRatio: 0.01,
  maxLatencyFactor: 2,
  maxDrift: 6,
  minCosine: null,
  minMotifAgreement: null,
};

interface Story {
  readonly answered?: number;
  readonly errors?: number;
  readonly late?: number;
  readonly notFinite?: number;
  readonly median?: number;
  readonly backend?: BackendKind;
  readonly isConstant?: boolean;
}

/** The figures of a model that is well, but for what the story says. */
export function vitalFigures(story: Story = {}): VitalFigures {
  const { answered = 1000, errors = 0, late = 0, notFinite = 0, median = 1, backend = 'hailo' } = story;
  const latency: Latency | null = answered === 0 ? null : { windows: answered, median, p99: 2 * median };
  const windows = answered + errors;
  return {
    ageMs: 1000,
    answered,
    errors,
    notFinite,
    late,
    errorRatio: windows === 0 ? null : errors / windows,
    latencyMs: latency,
    latencyByBackend: new Map(latency === null ? [] : [[backend, latency] as const]),
    backend: latency === null ? null : backend,
    isConstant: story.isConstant ?? false,
    topMotifs: new Map(),
  };
}
