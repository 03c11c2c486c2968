import { readdirSync, readFileSync } from 'node:fs';

/** What a process holds at one moment. */
export interface Sample {
  /** Seconds since the load began. */
  readonly atS: number;
  readonly rssMb: number;
  /** Of it, what is no mapped file. */
  readonly anonMb: number;
  readonly heapMb: number;
  readonly externalMb: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly loopLagMs: number;
  /** Windows that wait for the backend or are inside it. */
  readonly queued: number;
  /** Right answers per second since the sample before. */
  readonly goodPerS: number;
}

export function readMemory(pid: number): Pick<Sample, 'rssMb' | 'anonMb' | 'threads'> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
  return { rssMb: read('VmRSS') / 1024, anonMb: read('RssAnon') / 1024, threads: read('Threads') };
}

export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The figures of a sample that the daemon's own page tells. */
export function readPage(page: string): Pick<Sample, 'heapMb' | 'externalMb' | 'loopLagMs' | 'queued'> {
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(page)?.[1] ?? Number.NaN);
  return {
    heapMb: read('nodejs_heap_size_used_bytes') / 2 ** 20,
    externalMb: read('nodejs_external_memory_bytes') / 2 ** 20,
    loopLagMs: read('nodejs_eventloop_lag_seconds') * 1000,
    queued: read('hailo_queue_waiting') + read('hailo_queue_in_flight'),
  };
}
