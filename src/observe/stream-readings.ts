import { Counter, type Registry } from 'prom-client';
import type { StreamTotals } from '../core/streams.ts';
import { readingsOf } from './version-readings.ts';

/** What is read of the streams at each scrape; their windows are counted by hailo_windows_total. */
export function registerStreamReadings(registers: Registry[], read: () => StreamTotals | null): void {
  const reading = readingsOf(registers, read);
  reading('hailo_streams', 'Streams with a connection.', (now) => now?.connected ?? null);
  reading('hailo_streams_detached', 'Streams whose connection broke, and that wait.', (now) => now?.detached ?? null);
  reading('hailo_stream_watchers', 'Connections that watch a stream.', (now) => now?.watchers ?? null);
  reading(
    'hailo_streams_declared_windows_per_second',
    'Windows per second that all streams make together.',
    (now) => now?.declared ?? null,
  );
  const counter = (name: string, help: string, pick: (now: StreamTotals) => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        const now = read();
        this.reset();
        if (now !== null) this.inc(pick(now));
      },
    });
  counter('hailo_streams_opened_total', 'Streams that were begun.', (now) => now.opened);
  counter('hailo_streams_resumed_total', 'Times that a client came back to its stream.', (now) => now.resumed);
  counter('hailo_stream_samples_total', 'Samples that came.', (now) => now.samples);
  counter('hailo_stream_gaps_total', 'Gaps between samples.', (now) => now.gaps);
  counter(
    'hailo_stream_windows_dropped_total',
    'Windows of streams without a result, or whose result was not read in time.',
    (now) => now.dropped,
  );
  new Counter({
    name: 'hailo_streams_refused_total',
    help: 'Streams that were refused for want of room, by error code.',
    labelNames: ['code'] as const,
    registers,
    collect() {
      this.reset();
      for (const [code, count] of Object.entries(read()?.refused ?? {})) this.inc({ code }, count);
    },
  });
}
