import t from 'tap';
import { createIo } from '../../src/cli/io.ts';
import { listCommand } from '../../src/cli/model-list.ts';
import type { StoreDeps } from '../../src/cli/store-deps.ts';
import { SidecarError } from '../../src/core/errors.ts';
import { createCrashingDisk } from '../fakes/crashing-disk.ts';
import { install, storeOn } from '../fakes/store.ts';

/** `model list …` of a store with a@1 in it, and a daemon that answers as `ask` does. */
async function list(ask: StoreDeps['ask'], packagedId: string | null, ...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = createIo({ write: (text: string) => out.push(text) }, { write: (text: string) => err.push(text) }, {});
  const disk = createCrashingDisk();
  await install(disk, 'a@1');
  const asIs = <T>(work: () => Promise<T>) => work();
  const deps: StoreDeps = {
    store: storeOn(disk),
    asOwner: asIs,
    offline: asIs,
    ask,
    packagedId: async () => packagedId,
    whyPinned: null,
    boot: 'boot',
    now: () => 'now',
  };
  const status = await listCommand(argv, io, deps);
  return { status, out: out.join(''), err: err.join('') };
}

const forbidden = () => Promise.reject(new SidecarError('FORBIDDEN', 'This user may not command the daemon.'));
const absent = async () => null;

t.test('who may not ask the daemon does not hear that none runs, but what the store says', async (t) => {
  const { status, out, err } = await list(forbidden, 'p@1', '--json');
  t.match(
    { status, ...JSON.parse(out) },
    { status: 0, running: null, active: 'packaged', models: [{}, { ref: 'a@1' }] },
  );
  t.match(err, /may not command the daemon\. What is shown is what the store says/);
  t.notMatch((await list(forbidden, 'p@1')).out, /does not run/);
});

t.test('that none runs is said where it is known', async (t) => {
  t.match(JSON.parse((await list(absent, 'p@1', '--json')).out), { running: false });
  t.match((await list(absent, 'p@1')).out, /does not run/);
  t.match(JSON.parse((await list(async () => ({ ok: true }), 'p@1', '--json')).out), { running: true });
});

t.test('what is packaged is shown by its name and version, if it can be read', async (t) => {
  t.match((await list(absent, 'p@1')).out, /^packaged \(p@1\) +active\na@1 /);
  t.match((await list(absent, null)).out, /^packaged +active/);
  const ids = async (id: string | null) =>
    JSON.parse((await list(absent, id, '--json')).out).models.map((model: { id: string }) => model.id);
  t.strictSame(
    [await ids('p@1'), await ids(null)],
    [
      ['p@1', 'a@1'],
      [null, 'a@1'],
    ],
  );
});

t.test('what is no refusal of the daemon is a fault', async (t) => {
  await t.rejects(
    list(() => Promise.reject(new Error('bug')), null),
    { message: 'bug' },
  );
});
