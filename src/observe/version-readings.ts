import { Counter, Gauge, type Registry } from 'prom-client';

/** One loaded version of a model. */
export interface VersionReadings {
  readonly model: string;
  readonly version: string;
  readonly role: string;
  readonly totals: { readonly answered: number; readonly errors: number; readonly late: number };
  readonly figures: { readonly latencyMs: { readonly median: number; readonly p99: number } | null };
}

/** The candidate beside the active model. */
export interface CandidateReadings {
  readonly pairs: number;
  readonly dropped: number;
  readonly cosine: { readonly mean: number } | null;
  readonly motifAgreement: number | null;
}

export interface RolloutReadings {
  readonly versions: readonly VersionReadings[];
  /** null while there is none. */
  readonly candidate: CandidateReadings | null;
  readonly isOnProbation: boolean;
}

/**
 * Figures per version. What a version counts goes on when it changes its role, so a counter has none in its labels:
 * `hailo_model_role` tells it.
 */
export function registerVersionReadings(registers: Registry[], read: () => RolloutReadings): void {
  const labelNames = ['model', 'version'] as const;
  new Counter({
    name: 'hailo_version_windows_total',
    help: 'Windows by loaded version and outcome since it was loaded; a shadow candidate computes without answering.',
    labelNames: [...labelNames, 'outcome'] as const,
    registers,
    collect() {
      this.reset();
      for (const { totals, model, version } of read().versions)
        for (const [outcome, count] of Object.entries(totals)) this.inc({ model, version, outcome }, count);
    },
  });
  new Gauge({
    name: 'hailo_model_role',
    help: 'What each loaded version is there for: active, candidate or standby; always 1.',
    labelNames: [...labelNames, 'role'] as const,
    registers,
    collect() {
      this.reset();
      for (const { model, version, role } of read().versions) this.set({ model, version, role }, 1);
    },
  });
  new Gauge({
    name: 'hailo_version_latency_seconds',
    help: 'Time of a window in the backend, of the latest 1024 of each loaded version.',
    labelNames: [...labelNames, 'role', 'quantile'] as const,
    registers,
    collect() {
      this.reset();
      for (const { figures, model, version, role } of read().versions) {
        if (figures.latencyMs === null) continue;
        this.set({ model, version, role, quantile: '0.5' }, figures.latencyMs.median / 1000);
        this.set({ model, version, role, quantile: '0.99' }, figures.latencyMs.p99 / 1000);
      }
    },
  });
  const reading = readingsOf(registers, read);
  reading('hailo_model_on_probation', '1 while the active model is not confirmed.', (now) =>
    now.isOnProbation ? 1 : 0,
  );
  reading(
    'hailo_candidate_pairs',
    'Windows that candidate and active model have both answered.',
    (now) => now.candidate?.pairs ?? null,
  );
  reading(
    'hailo_candidate_cosine_mean',
    'Mean cosine of the latents of candidate and active model.',
    (now) => now.candidate?.cosine?.mean ?? null,
  );
  reading(
    'hailo_candidate_motif_agreement',
    'Share of windows with the same top motif.',
    (now) => now.candidate?.motifAgreement ?? null,
  );
}

/** Makes gauges without labels, each one figure of what is read at the scrape. */
export function readingsOf<T>(registers: Registry[], read: () => T) {
  return (name: string, help: string, pick: (now: T) => number | null): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = pick(read());
        this.reset(); // a value that is not known is absent, never zero
        if (value === null) this.remove();
        else this.set(value);
      },
    });
}
