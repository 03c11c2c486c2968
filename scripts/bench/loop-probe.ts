import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Preloaded into a measured server: on SIGUSR2 prints the longest event-loop delay since the last one, and forgets it. */
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => {
  process.stderr.write(`LOOP ${JSON.stringify({ maxMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6 })}\n`);
  delay.reset();
});
