import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { claimedByOthers, createStoreClaim, unreachableDaemon } from '../src/claim.ts';

t.test("the first one has the store, until it gives it back; a store that is not there is nobody's", async (t) => {
  const root = t.testdir({});
  const [first, second] = [createStoreClaim(root), createStoreClaim(root)];
  t.strictSame([await first.take(), await first.take(), await second.take()], ['ours', 'ours', 'others']);
  t.strictSame([first.refusal, second.refusal?.code], [null, 'CONFLICT']);
  await first.release();
  t.strictSame([await second.take(), second.refusal], ['ours', null]);
  await second.release();
  t.equal(await createStoreClaim(join(root, 'none')).take(), 'absent');
});

t.test('who waits gets it when a command that had it for a moment is done', async (t) => {
  const root = t.testdir({});
  const [command, daemon] = [createStoreClaim(root), createStoreClaim(root)];
  await command.take();
  t.equal(await daemon.take(), 'others');
  const taking = daemon.take(20_000);
  await new Promise((resolve) => setImmediate(resolve)); // it has tried once by now
  await command.release();
  t.equal(await taking, 'ours');
  await daemon.release();
});

t.test('where another daemon has it, the sentences name its process', async (t) => {
  const root = t.testdir({});
  const [first, second] = [createStoreClaim(root), createStoreClaim(root)];
  await first.take();
  await second.take();
  const held = { code: 'CONFLICT', message: new RegExp(`daemon serves from .*process ${process.pid}`) };
  t.match(claimedByOthers(root, second.refusal), held);
  t.match(unreachableDaemon(root, second.refusal), { ...held, message: /does not answer at admin\.socket/ });
  await first.release();
});

const skip = process.geteuid?.() === 0 ? false : 'only root can become somebody else';
t.test('where this user may not, they say so, and blame no daemon', { skip }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'claim-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  await createStoreClaim(t.testdir({})).take(); // loads what may be for root alone
  chownSync(root, 12345, 12346);
  const claim = createStoreClaim(root);
  writeFileSync(join(root, '.daemon'), '', { mode: 0o600 });
  process.seteuid?.(12345);
  const taken = await claim.take().finally(() => process.seteuid?.(0));
  t.equal(taken, 'others');
  const mayNot = {
    code: 'STORE_FAILED',
    message: /\.daemon belongs to root, so this user cannot lock it.*sudo chown 12345/,
  };
  for (const explain of [claimedByOthers, unreachableDaemon]) {
    t.match(explain(root, claim.refusal), mayNot);
    t.notMatch(explain(root, claim.refusal).message, /daemon serves/);
  }
});
