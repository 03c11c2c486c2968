import { openPeerOf, toAllowedUids } from './admin/peer.ts';
import { openAdminServer } from './admin/server.ts';
import { createAdminRoutes } from './admin-routes.ts';
import { claimedByOthers, type StoreClaim } from './claim.ts';
import { DEFAULTS } from './config/keys.ts';
import type { Config } from './config/schema.ts';
import { messageOf, SidecarError } from './core/errors.ts';
import type { Log } from './core/log.ts';
import type { Resident } from './models/rollout/resident.ts';
import type { RolloutLimits } from './models/rollout/rollout-limits.ts';
import { createSuccession } from './models/rollout/succession.ts';
import { createTrial } from './models/rollout/trial.ts';
import type { Store } from './models/store/store.ts';
import { tried, withoutCandidate } from './models/store/store-transitions.ts';
import type { Opener } from './opener.ts';
import { isPinned } from './parts.ts';
import { isUnderSystemd } from './reachable.ts';
import type { State } from './state.ts';
import { timeOfDay } from './system/boot.ts';

export interface RolloutParts {
  readonly state: State;
  readonly store: Store;
  readonly claim: StoreClaim;
  readonly opener: Opener;
  readonly boot: string;
  readonly log: Log;
  /** Tells everybody who serves. */
  tell(): void;
}

/** All by which the models of a running daemon change: commands, the probation, the candidate. */
export interface Rollout {
  /** Opens the admin socket; resolves to what closes it. A daemon without one serves, and says so. */
  listen(): Promise<() => Promise<void>>;
  /** Goes on where the daemon before left off: a probation, a candidate. */
  resume(): void;
  proofChanged(resident: Resident, failure: string | null): void;
  /** The daemon stops in order: a probation may go on at its next start. */
  pause(): Promise<void>;
}

export function createRollout(parts: RolloutParts): Rollout {
  const { state, store, log, boot } = parts;
  const { seats, clock } = state;
  const limits = () => toLimits(state);
  const trial = createTrial({ seats, clock, limits });
  const onChange = () => {
    void remember(parts);
    parts.tell();
  };
  const succession = createSuccession({
    seats,
    store,
    trial,
    open: (ref) => parts.opener.open(ref),
    canHoldTwo: state.loaded.config.backend.kind !== 'hailo',
    limits,
    boot,
    clock,
    log,
    now: timeOfDay,
    onChange,
    requireFree: () => requireFree(parts),
  });
  state.compare = trial.compare;
  state.probationMs = succession.probationMs;
  const routes = createAdminRoutes({ ...parts, succession, trial, onChange });

  /** The candidate of the daemon before; one that cannot be loaded any more is let go. */
  async function resumeCandidate(): Promise<void> {
    const candidate = state.books?.candidate ?? null;
    if (candidate === null) return;
    if (candidate.phase === 'running') {
      log.error(
        {},
        `the daemon died with the candidate ${candidate.ref} loaded, so it is none any more: set it again if it was not to blame`,
      );
      await store.change((now) => withoutCandidate(now));
      return onChange();
    }
    try {
      await store.change((now) => tried(now));
      const resident = await parts.opener.open(candidate.ref);
      resident.watch();
      trial.start({ resident, mode: candidate.mode, share: candidate.share });
      onChange();
    } catch (thrown) {
      log.error({}, `the candidate ${candidate.ref} cannot be loaded and is none any more: ${messageOf(thrown)}`);
      await store.change((now) => withoutCandidate(now));
    }
  }

  return {
    listen: () => listen(state, routes, log),
    resume: () => {
      if (state.books === null) return;
      succession.resume(state.books);
      void succession
        .later('load the candidate', resumeCandidate)
        .catch((thrown) => log.error({ err: thrown }, 'the candidate'));
    },
    proofChanged: (resident, failure) => {
      if (resident === seats.active && failure !== null) succession.goldenFailed(failure);
    },
    pause: () =>
      succession.close().catch((thrown) => log.error({ err: thrown }, 'the store cannot keep the probation')),
  };
}

async function listen(
  state: State,
  routes: ReturnType<typeof createAdminRoutes>,
  log: Log,
): Promise<() => Promise<void>> {
  const path = state.loaded.config.admin.socket;
  if (path === null) return async () => {};
  try {
    const allowedUids = toAllowedUids(process.getuid?.() ?? 0);
    const server = await openAdminServer({ path, routes, allowedUids, peerOf: await openPeerOf(), log });
    return () => server.close();
  } catch (thrown) {
    const level = isUnderSystemd(process.env) || path !== DEFAULTS.get('admin.socket') ? 'error' : 'debug';
    log[level]({}, `no admin socket, so "model activate" and the like cannot reach this daemon: ${messageOf(thrown)}`);
    return async () => {};
  }
}

/** Whether a command may change who serves. Throws CONFLICT. */
async function requireFree({ state, store, claim }: RolloutParts): Promise<void> {
  const { config } = state.loaded;
  if (state.isStopping)
    throw new SidecarError('SHUTTING_DOWN', 'The daemon is stopping: give the command again when it runs.');
  const pinned = whyPinned(config);
  if (pinned !== null) throw new SidecarError('CONFLICT', pinned);
  if ((await claim.take()) === 'others') throw claimedByOthers(config.model.store, claim.refusal);
  state.books ??= await store.read(); // the store may be younger than this daemon
}

/** null: the store decides. */
export function whyPinned(config: Config): string | null {
  if (!isPinned(config)) return null;
  return `The configuration names the model to serve (model.bundle: ${config.model.bundle}), so no command changes it: take model.bundle (or MODEL_BUNDLE) out and restart the service.`;
}

function toLimits({ loaded }: State): RolloutLimits {
  const { rollout } = loaded.config;
  return {
    probationMs: rollout.probation_s * 1000,
    minSamples: rollout.min_samples,
    maxErrorRatio: rollout.max_error_ratio,
    maxLatencyFactor: rollout.max_latency_factor,
    maxDrift: rollout.max_drift,
    minCosine: rollout.min_cosine,
    minMotifAgreement: rollout.min_motif_agreement,
    mayLackScores: loaded.config.inference.allow_uncalibrated_motifs,
  };
}

async function remember({ state, store, log }: RolloutParts): Promise<void> {
  if (state.books === null) return;
  try {
    state.books = await store.read();
  } catch (thrown) {
    log.error({}, `the store cannot be read: ${messageOf(thrown)}`);
  }
}
