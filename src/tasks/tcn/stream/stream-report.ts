import type { StreamReport } from '../../../core/streams.ts';
import type { Stream } from './stream.ts';

/** What an administrator sees of a stream; never its token. */
export function toReport(stream: Stream, now: number): StreamReport {
  const { settings, counts, motif } = stream;
  return {
    stream: stream.id,
    name: settings.name,
    peer: stream.peer,
    connected: stream.detachedAt === null,
    age_ms: Math.round(now - stream.openedAt),
    idle_ms: Math.round(now - stream.lastFrameAt),
    rate_hz: settings.rateHz,
    measured_rate_hz: stream.agenda.timeline.measuredRateHz,
    hop: settings.hop,
    ...counts,
    dropped: stream.drops.total,
    watchers: stream.watchers.count,
    waiting: stream.agenda.size,
    motif: motif === null ? null : (motif.name ?? String(motif.index)),
  };
}
