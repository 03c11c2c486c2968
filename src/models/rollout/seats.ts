import { SidecarError } from '../../core/errors.ts';
import type { WantedModel } from '../../core/model.ts';
import type { Call } from '../../core/task.ts';
import type { CandidateMode } from '../store/store-state.ts';
import type { Resident } from './resident.ts';
import { isInShare } from './share.ts';

export interface SeatedCandidate {
  readonly resident: Resident;
  readonly mode: CandidateMode;
  /** Of the requests, 0 to 1; only of a canary. */
  readonly share: number;
}

export type Role = 'active' | 'candidate' | 'standby';

/** Who is loaded, and as what. A call's model is chosen once, so that no reply mixes two. */
export class Seats {
  active: Resident;
  candidate: SeatedCandidate | null = null;
  /** The predecessor of a model on probation: it could serve again at once. */
  standby: Resident | null = null;

  constructor(active: Resident) {
    this.active = active;
  }

  /** The version that the call names, the candidate for its share, else the active one. Throws MODEL_NOT_LOADED. */
  choose(call: Pick<Call, 'header' | 'requestId'>, model?: WantedModel): Resident {
    if (model !== undefined && (model.version !== null || model.name !== this.active.bundle.manifest.name))
      return this.named(model.version === null ? this.#idOf(model.name) : `${model.name}@${model.version}`);
    const wanted = call.header('x-model');
    if (wanted !== '') return this.#ofName(model?.name, this.named(wanted));
    const { candidate } = this;
    if (candidate === null || candidate.mode !== 'canary' || candidate.resident.failure() !== null) return this.active;
    if (model !== undefined && candidate.resident.bundle.manifest.name !== model.name) return this.active;
    const key = call.header('x-sticky-key') || call.requestId;
    return isInShare(key, candidate.share) ? candidate.resident : this.active;
  }

  /**
   * Between two windows: calls that have chosen keep their model, later ones get the new one. Returns the standby that has
   * lost its seat, for the caller to retire.
   */
  take(next: Resident, standby: Resident | null): Resident | null {
    const left = this.standby;
    this.active = next;
    this.standby = standby;
    return left === next || left === standby ? null : left;
  }

  list(): readonly { readonly role: Role; readonly resident: Resident }[] {
    const seated = { active: this.active, candidate: this.candidate?.resident ?? null, standby: this.standby };
    return Object.entries(seated).flatMap(([role, resident]) =>
      resident === null ? [] : [{ role: role as Role, resident }],
    );
  }

  /** A path that names one model is not answered by another, whatever a header says. */
  #ofName(name: string | undefined, resident: Resident): Resident {
    if (name === undefined || resident.bundle.manifest.name === name) return resident;
    throw new SidecarError(
      'MODEL_NOT_LOADED',
      `The path asks for ${name} and X-Model for ${resident.id}: send one of them.`,
    );
  }

  /** The id of the loaded model of that name, or the name, which no id equals. */
  #idOf(name: string): string {
    return this.list().find(({ resident }) => resident.bundle.manifest.name === name)?.resident.id ?? name;
  }

  /** By role or name@version. Throws MODEL_NOT_LOADED. */
  named(wanted: string): Resident {
    const loaded = this.list();
    const found = loaded.find(({ role, resident }) => role === wanted || resident.id === wanted);
    if (found !== undefined) return found.resident;
    const known = loaded.map(({ role, resident }) => `${resident.id} (${role})`).join(', ');
    throw new SidecarError(
      'MODEL_NOT_LOADED',
      `The model that was asked for is not loaded. Loaded: ${known}. Without X-Model the active one answers.`,
    );
  }
}
