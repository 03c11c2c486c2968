import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of a process in microseconds: its main thread, and all others together. */
export interface ThreadCpu {
  readonly main: number;
  readonly others: number;
}

export function threadCpu(pid: number): ThreadCpu {
  const sum = { main: 0, others: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum[thread === String(pid) ? 'main' : 'others'] += cpuOf(`/proc/${pid}/task/${thread}/schedstat`);
  }
  return sum;
}

/** The first figure is nanoseconds on a CPU: finer than the ticks of stat. */
function cpuOf(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').split(' ')[0]) / 1000;
  } catch {
    return 0; // it has just ended
  }
}
