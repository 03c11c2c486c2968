import { artefactOf, motifCount } from './models/bundle.ts';
import type { Resident } from './models/rollout/resident.ts';
import type { Role } from './models/rollout/seats.ts';
import type { VitalFigures } from './models/rollout/vitals.ts';
import type { Candidate, ModelRef, Refusal, StoreState } from './models/store/store-state.ts';
import { motifSource } from './report.ts';
import type { State } from './state.ts';

/** Which models there are and what becomes of them, for the admin socket, /status and people. */
export interface ModelsReport {
  readonly running: true;
  readonly active: ModelRef;
  readonly previous: ModelRef | null;
  readonly candidate: Candidate | null;
  readonly probation: {
    readonly ref: ModelRef;
    readonly phase: string;
    readonly remaining_s: number | null;
    readonly requests: number;
    readonly error_ratio: number | null;
  } | null;
  readonly refused: readonly Refusal[];
  /** name@version of what is loaded. */
  readonly loaded: readonly { readonly role: Role; readonly id: string; readonly ref: ModelRef | null }[];
}

export function toModels(state: State, books: StoreState): ModelsReport {
  const { active, previous, candidate, probation, refused } = books;
  const figures = state.seats.active.vitals.figures();
  const remainingMs = state.probationMs();
  return {
    running: true,
    active,
    previous,
    candidate,
    probation: probation && {
      ref: probation.ref,
      phase: probation.phase,
      remaining_s: remainingMs === null ? null : Math.ceil(remainingMs / 1000),
      requests: figures.answered + figures.errors,
      error_ratio: figures.errorRatio,
    },
    refused,
    loaded: state.seats.list().map(({ role, resident }) => ({ role, id: resident.id, ref: resident.ref })),
  };
}

export function toComparison(state: State) {
  const comparison = state.compare();
  const { candidate, active } = state.seats;
  if (comparison === null || candidate === null) return null;
  const { pairs, enough, missing, gates } = comparison;
  return {
    active: { ref: active.id, ...toFigures(active.vitals.figures()) },
    candidate: {
      ref: candidate.resident.ref ?? candidate.resident.id,
      mode: candidate.mode,
      share: candidate.share,
      ...toFigures(candidate.resident.vitals.figures()),
    },
    pairs,
    enough,
    missing,
    gates,
  };
}

/** GET /v1/models, in the shape that clients of other servers know. */
export function toModelList(state: State): object {
  const data = state.seats.list().map(({ role, resident }) => ({
    id: resident.id,
    object: 'model',
    owned_by: 'hailo-tcn-sidecar',
    role,
    task: resident.bundle.manifest.task,
    ready: resident.failure() === null,
  }));
  return { object: 'list', data };
}

/** GET /model/info: all that is known of one version, with its source, and what it did lately. */
export function toModelInfo(state: State, resident: Resident): object {
  const { manifest, artefacts } = resident.bundle;
  const role = state.seats.list().find((seat) => seat.resident === resident)?.role ?? null;
  return {
    id: resident.id,
    name: manifest.name,
    version: manifest.version,
    role,
    ready: resident.failure() === null,
    task: manifest.task,
    description: manifest.description,
    accuracy: manifest.accuracy,
    input: manifest.input,
    normalisation: manifest.normalisation,
    outputs: manifest.outputs,
    motifs: {
      count: motifCount(resident.bundle),
      labels: resident.labels,
      source: motifSource(state, resident.bundle),
      head: manifest.motifs.head,
    },
    artefacts: artefacts.map(({ kind, sha256 }) => ({ kind, sha256 })),
    hef: artefactOf(resident.bundle, 'hef') !== null,
    licence: manifest.licence,
    golden: resident.golden,
    live: toFigures(resident.vitals.figures()),
  };
}

function toFigures(figures: VitalFigures) {
  const { answered, errors, late, errorRatio, latencyMs, backend, isConstant, topMotifs } = figures;
  return {
    windows: answered,
    errors,
    late,
    error_ratio: errorRatio,
    latency_ms: latencyMs && { median: latencyMs.median, p99: latencyMs.p99 },
    backend,
    constant: isConstant,
    top_motifs: Object.fromEntries(topMotifs),
  };
}
