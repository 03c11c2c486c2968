import { type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { AdminRoute } from './admin/route.ts';
import { SidecarError } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { RefusedModel } from './models/rollout/audition.ts';
import { requireStored } from './models/rollout/comeback.ts';
import type { Resident } from './models/rollout/resident.ts';
import { retire } from './models/rollout/retire.ts';
import type { Outcome, Succession } from './models/rollout/succession.ts';
import type { Trial } from './models/rollout/trial.ts';
import type { Store } from './models/store/store.ts';
import type { Candidate, ModelRef } from './models/store/store-state.ts';
import { withCandidate, withoutCandidate } from './models/store/store-transitions.ts';
import type { Opener } from './opener.ts';
import { toComparison, toModels } from './report-models.ts';
import type { State } from './state.ts';

export interface CommandParts {
  readonly state: State;
  readonly store: Store;
  readonly succession: Succession;
  readonly trial: Trial;
  readonly opener: Opener;
  readonly log: Log;
  onChange(): void;
}

const Ref = Type.String({ minLength: 1, maxLength: 200 });
const Activate = Type.Object({ model: Ref, allow_gap: Type.Optional(Type.Boolean()) });
const Try = Type.Object({
  model: Ref,
  mode: Type.Union([Type.Literal('shadow'), Type.Literal('canary'), Type.Literal('named')]),
  share: Type.Number({ minimum: 0, maximum: 1 }),
});
const Promote = Type.Object({ force: Type.Optional(Type.Boolean()), allow_gap: Type.Optional(Type.Boolean()) });

/** What "hailo-tcn-sidecar model …" may ask of the running daemon. */
export function createAdminRoutes(parts: CommandParts): readonly AdminRoute[] {
  const { state, store, succession } = parts;
  const route = (method: AdminRoute['method'], path: string, handle: AdminRoute['handle']) => ({
    method,
    path,
    handle,
  });
  return [
    route('GET', '/v1/models', async () => ({ ok: true, ...toModels(state, await store.read()) })),
    route('GET', '/streams', async () => ({ ok: true, ...toStreams(state) })),
    route('POST', '/v1/activate', async (body) => {
      const { model, allow_gap: allowGap = false } = check<{ model: string; allow_gap?: boolean }>(Activate, body);
      return told(parts, () => succession.activate(model, { allowGap }));
    }),
    route('POST', '/v1/confirm', () => told(parts, () => succession.confirm())),
    route('POST', '/v1/rollback', () => told(parts, () => succession.rollback())),
    route('POST', '/v1/candidate', (body) => told(parts, () => begin(parts, toCandidate(check(Try, body))))),
    route('DELETE', '/v1/candidate', () => told(parts, () => end(parts))),
    route('GET', '/v1/compare', async () => ({ ok: true, ...requireComparison(state) })),
    route('POST', '/v1/promote', (body) => told(parts, () => promote(parts, check(Promote, body ?? {})))),
  ];
}

function toStreams({ streams }: State): object {
  return { totals: streams?.totals() ?? null, streams: streams?.list() ?? [] };
}

function check<T>(schema: TSchema, body: unknown): T {
  if (Value.Check(schema, body)) return body as T;
  throw new SidecarError(
    'USAGE',
    'The daemon does not understand this command: are program and daemon of the same version?',
  );
}

const toCandidate = ({ model, mode, share }: { model: string; mode: Candidate['mode']; share: number }): Candidate => ({
  ref: model,
  mode,
  share: mode === 'canary' ? share : 0,
  phase: 'running',
});

/** What serves after the command, and what was looked at; a refusal tells the same, beside its reason. */
async function told({ state, store }: CommandParts, run: () => Promise<Outcome>): Promise<object> {
  const startAt = state.clock();
  const serves = () => ({
    serves: state.seats.active.id,
    failure: state.failure(),
    ms: Math.round(state.clock() - startAt),
  });
  try {
    const { state: books, gates } = await run();
    return { ok: true, gates, ...serves(), ...toModels(state, books) };
  } catch (thrown) {
    if (!(thrown instanceof RefusedModel)) throw thrown;
    const { code, message, gates } = thrown;
    return { ok: false, error: { code, message }, gates, ...serves(), ...toModels(state, await store.read()) };
  }
}

/** Loads the candidate beside the active model; on a device that is taken, on the CPU. */
function begin(parts: CommandParts, candidate: Candidate): Promise<Outcome> {
  const { state, store, succession, trial, opener } = parts;
  return succession.command(`make ${candidate.ref} the candidate`, async () => {
    requireCandidateFits(state, candidate.ref);
    await requireStored(store, candidate.ref);
    const seated = state.seats.candidate?.resident;
    const resident = seated?.ref === candidate.ref ? seated : await opener.open(candidate.ref);
    try {
      const books = await store.change((now) => withCandidate(now, candidate));
      endTrial(parts, resident);
      resident.watch();
      trial.start({ resident, mode: candidate.mode, share: candidate.share });
      parts.onChange();
      return { state: books, gates: [] };
    } catch (thrown) {
      if (resident !== seated) await resident.close();
      throw thrown;
    }
  });
}

function requireCandidateFits(state: State, ref: ModelRef): void {
  if (state.seats.active.ref === ref) {
    throw new SidecarError('CONFLICT', `${ref} is the active model already: name another one as candidate.`);
  }
  if (state.loaded.config.backend.kind !== 'hailo') return;
  throw new SidecarError(
    'MODEL_REFUSED',
    'backend.kind is hailo, and the device holds one model: a candidate beside it needs backend.kind auto, where the CPU computes it.',
  );
}

function end(parts: CommandParts): Promise<Outcome> {
  return parts.succession.command('end the trial', async () => {
    const books = await parts.store.change((now) => withoutCandidate(now));
    endTrial(parts);
    parts.onChange();
    return { state: books, gates: [] };
  });
}

/** The candidate loses its seat, and is closed unless it is the one that `stays` loaded. */
function endTrial({ trial, state, log }: CommandParts, stays: Resident | null = null): void {
  const left = trial.end();
  if (left !== null && left !== stays) void retire(left, { clock: state.clock, log });
}

async function promote(
  { state, succession }: CommandParts,
  { force = false, allow_gap: allowGap = false }: { force?: boolean; allow_gap?: boolean },
): Promise<Outcome> {
  const { candidate, enough, missing, gates } = requireComparison(state);
  const failed = gates.filter(({ ok }) => ok === false);
  const hasFailed = failed.length > 0;
  if (!force && (!enough || hasFailed)) {
    const why = hasFailed ? failed.map(({ name, text }) => `${name}: ${text}`).join('; ') : missing;
    throw new RefusedModel(
      `${candidate.ref} was not promoted: ${why}. ${hasFailed ? 'It fails' : 'Wait'}, change rollout.* in the configuration, or say --force.`,
      gates,
      undefined,
    );
  }
  const outcome = await succession.activate(candidate.ref, { allowGap });
  return { ...outcome, gates: [...gates, ...outcome.gates] };
}

function requireComparison(state: State) {
  const comparison = toComparison(state);
  if (comparison !== null) return comparison;
  throw new SidecarError(
    'CONFLICT',
    'There is no candidate: set one with "hailo-tcn-sidecar model candidate NAME@VERSION".',
  );
}
