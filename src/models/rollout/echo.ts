import type { Clock } from '../../core/log.ts';
import type { DriftFigures } from './judgement.ts';
import { createMoments, type MomentFigures, toDrift } from './moments.ts';
import type { Listener, Resident } from './resident.ts';

/** What both models gave for the same windows before one succeeded the other. */
export interface References {
  readonly now: readonly Float32Array[];
  readonly before: readonly Float32Array[];
}

/** The predecessor computes some of the windows that its successor answers: what moves both is no fault of the successor. */
export interface Echo {
  /** null: fewer than 32 windows, or nothing to hold them against. */
  drift(): DriftFigures | null;
  stop(): void;
}

/** Four windows a second say where the latents are, and cost the machine nothing. */
const EVERY_MS = 250;

export function createEcho(now: Resident, before: Resident, references: References, clock: Clock): Echo {
  const reference = { now: toFigures(references.now), before: toFigures(references.before) };
  const live = { now: createMoments(), before: createMoments() };
  const convert = now.toInputOf(before);
  let notBefore = clock();
  let isBusy = false;

  const listener: Listener = (input, _inference, vectors) => {
    if (isBusy || clock() < notBefore || before.model === null) return;
    notBefore = clock() + EVERY_MS;
    isBusy = true;
    before.model.model
      .run(convert(input))
      .then(({ outputs }) => {
        live.before.add(before.toVectors(outputs).latent);
        live.now.add(vectors.latent);
      })
      .catch(() => {}) // it is a window less
      .finally(() => {
        isBusy = false;
      });
  };

  now.listeners.add(listener);
  return {
    drift: () => {
      const found = live.now.figures();
      const drift = toDrift(found, reference.now);
      const was = toDrift(live.before.figures(), reference.before);
      return drift === null || was === null ? null : { windows: found.count, now: drift, before: was };
    },
    stop: () => void now.listeners.delete(listener),
  };
}

function toFigures(latents: readonly Float32Array[]): MomentFigures {
  const moments = createMoments();
  for (const latent of latents) moments.add(latent);
  return moments.figures();
}
