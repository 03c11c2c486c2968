import t, { type Test } from 'tap';
import type { Backend } from '../src/core/backend.ts';
import type { Proof } from '../src/models/proof.ts';
import type { Notify } from '../src/system/notify.ts';
import { startWatchdog } from '../src/watchdog.ts';

/** How often the watchdog is fed within about ten of its half intervals. */
async function count(
  t: Test,
  isFresh: (() => Promise<boolean>) | null,
  available = true,
  interval: number | null = 10,
) {
  let fed = 0;
  const notify = { watchdog: () => void fed++, watchdogInterval: () => interval } as Partial<Notify> as Notify;
  const backend = { state: () => ({ available }) } as Partial<Backend> as Backend;
  const stop = startWatchdog(notify, backend, () => isFresh && ({ isFresh } as Partial<Proof> as Proof));
  t.teardown(stop);
  await new Promise((resolve) => setTimeout(resolve, 50));
  stop();
  return fed;
}

t.test('fed while the backend proves itself', async (t) => {
  t.ok((await count(t, async () => true)) > 1);
});

t.test('not fed by a bare timer: a backend that does not answer is not fed', async (t) => {
  t.equal(await count(t, async () => false), 0);
});

t.test('fed while the backend is out of service on purpose and says so', async (t) => {
  t.ok((await count(t, async () => false, false)) > 1);
  t.ok((await count(t, null)) > 1);
});

t.test('silent when nobody watches', async (t) => {
  t.equal(await count(t, async () => true, true, null), 0);
});
