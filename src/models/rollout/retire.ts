import type { Clock, Log } from '../../core/log.ts';
import type { Resident } from './resident.ts';

const DRAIN_MS = 5000;
const LOOK_MS = 5;

/** Whoever has chosen the model gets his answer; then it is closed. Never rejects. */
export async function retire(
  resident: Resident,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  const until = clock() + DRAIN_MS;
  do await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  while (isBusy(resident) && clock() < until);
  await resident.close().catch((thrown) => log.error({ err: thrown }, `${resident.id} could not be closed`));
}

function isBusy({ model }: Resident): boolean {
  const stats = model?.gate.stats();
  return stats !== undefined && stats.waiting + stats.inFlight > 0;
}
