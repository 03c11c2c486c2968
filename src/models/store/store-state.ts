/** NAME@VERSION of the store, or "packaged": the model that ships with the program. */
export type ModelRef = string;
export const PACKAGED: ModelRef = 'packaged';

export type CandidateMode = 'shadow' | 'canary' | 'named';

export interface Candidate {
  readonly ref: ModelRef;
  /** shadow: computes what the active one answers, its answers go nowhere; canary: a share of the requests; named: those that ask. */
  readonly mode: CandidateMode;
  /** Of the requests, 0 to 1; only of a canary. */
  readonly share: number;
  /** running: a daemon has it loaded, or died with it; paused: that daemon was stopped in order, and the next one loads it. */
  readonly phase: 'running' | 'paused';
}

/** A model that serves, but is not confirmed yet: after a crash or a reboot its predecessor serves again. */
export interface Probation {
  readonly ref: ModelRef;
  /**
   * waiting: it has not served yet; running: a daemon serves it, or died serving it; paused: that daemon was stopped in
   * order, and the next one of the same boot goes on.
   */
  readonly phase: 'waiting' | 'running' | 'paused';
  /** /proc/sys/kernel/random/boot_id of the phase. */
  readonly boot: string;
}

/** Why a model was taken out of service, or never got in. */
export interface Refusal {
  readonly ref: ModelRef;
  readonly why: string;
  /** For people only: a clock may be wrong. */
  readonly at: string;
}

/** All that the store remembers beside the files of the models; one file, replaced whole. */
export interface StoreState {
  readonly format: 1;
  /** One more at each change. */
  readonly generation: number;
  readonly active: ModelRef;
  readonly previous: ModelRef | null;
  readonly candidate: Candidate | null;
  readonly probation: Probation | null;
  /** The latest first, at most 20. */
  readonly refused: readonly Refusal[];
}
