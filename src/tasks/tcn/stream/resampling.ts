import { toThousandths } from '../../../core/round.ts';
import type { Ready } from '../../../core/stream-events.ts';
import { kernelFor } from './kernel.ts';
import { PASSBAND, ZERO_CROSSINGS } from './windowed-sinc.ts';

/** What the client is told of it; null: its samples are the rows, bit for bit. */
export function describeResampling(rateHz: number, modelRateHz: number): Ready['resampling'] {
  if (rateHz === modelRateHz) return null;
  const slower = Math.min(rateHz, modelRateHz);
  return {
    method: `sinc, Kaiser window, ${ZERO_CROSSINGS} zero crossings`,
    delay_ms: toThousandths((kernelFor(rateHz / modelRateHz).half * 1000) / rateHz),
    passband_hz: toThousandths(PASSBAND * slower),
  };
}
