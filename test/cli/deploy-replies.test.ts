import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ActivateReply, InstallReply, ListReply, parseReply, RollbackReply } from '../../src/cli/deploy-replies.ts';
import { skipDeploy, startBox } from '../fakes/remote-box.ts';
import { recordReplies } from '../fakes/remote-replies.ts';

const printed = (stdout: string) => ({ status: 0, stdout, stderr: '' });

t.test('deploy understands what the real commands print', async (t) => {
  const real = await recordReplies(t);

  t.test('of a daemon', async (t) => {
    t.match(parseReply(InstallReply, printed(real.install)), { model: 'tiny@2', alreadyThere: false });
    const activated = parseReply(ActivateReply, printed(real.activate));
    t.match(activated, { active: 'tiny@2', running: true, probation: { seconds: 300 } });
    t.match(activated.gates, [{ name: 'golden windows', ok: true }]);
    const listed = {
      running: true,
      active: 'tiny@2',
      previous: 'tiny@1',
      probation: { remaining_s: 300, requests: 0 },
    };
    t.match(parseReply(ListReply, printed(real.list)), listed);
    t.match(parseReply(RollbackReply, printed(real.rollback)), { active: 'tiny@1', ms: Number });
    const refusal = { code: 'MODEL_REFUSED', gates: [{ name: 'golden windows', ok: false }] };
    t.throws(() => parseReply(ActivateReply, { ...printed(real.refusal), status: 1 }), refusal);
    const { active, gates } = parseReply(ActivateReply, printed(real.relabelled));
    t.equal(active, 'tiny@4');
    const [scores] = gates.filter(({ name }) => name === 'motif scores');
    t.match(scores, { ok: null, text: /^mind that they are called/ });
  });

  t.test('and of the store alone, while the daemon is down', async (t) => {
    const { list, rollback, after, activate } = real.offline;
    const pending = parseReply(ListReply, printed(list));
    t.match(pending, { running: false, active: 'tiny@2', probation: { ref: 'tiny@2', phase: 'paused' } });
    t.equal(pending.probation?.remaining_s, undefined);
    t.match(parseReply(RollbackReply, printed(rollback)), { active: 'tiny@1', ms: undefined });
    t.match(parseReply(ListReply, printed(after)), { running: false, active: 'tiny@1', probation: null });
    const unproved = { running: false, active: 'tiny@2', gates: [], probation: { seconds: null } };
    t.match(parseReply(ActivateReply, printed(activate)), unproved);
  });

  t.test('on a machine whose daemon is down', { skip: skipDeploy }, async (t) => {
    const box = await startBox(t);
    const play = () => {
      box.reset();
      box.set('hook-systemctl', 'echo failed; exit 3');
      for (const [name, text] of Object.entries(real.offline)) box.set(`said-${name}`, text);
      box.set('hook-list', 'cat "$BOX/said-list"; exit');
      for (const name of ['rollback', 'activate'])
        box.set(`hook-${name}`, `cat "$BOX/said-${name}"; cp "$BOX/said-after" "$BOX/said-list"; exit`);
    };

    t.test('a rollback that worked is a success, and claims no more than it did', async (t) => {
      play();
      const { status, out, err } = await box.deploy(['--rollback']);
      t.match([status, err], [0, '']);
      t.match(out, /! daemon: none answers; tiny@2 is the active model\n/);
      t.match(out, /✓ rollback: from tiny@2 to tiny@1\n✓ verify: tiny@1 is active\n/);
      t.match(out, /No daemon answers on .*; it would start with tiny@1\.\n$/);
    });

    t.test('an activation that no daemon took part in proves nothing', async (t) => {
      play();
      const file = join(box.folder, 'imu.tcnmodel');
      writeFileSync(file, 'content');
      box.set('hook-systemctl', 'echo active; exit');
      box.set('said-list', real.list.replaceAll('tiny@2', 'tiny@7'));
      box.set('said-install', real.install);
      box.set('hook-install', 'cat "$BOX/said-install"; exit');
      box.set('said-after', real.offline.list);
      const verify = async () => ({ model: 'tiny@2', text: 'signed by test' });
      const { status, err } = await box.deploy([file, '--no-wait'], { verify });
      t.equal(status, 69);
      t.match(err, /"activate": the daemon there went down meanwhile.*No daemon answers on .*start with tiny@2/);
    });

    t.test('where the daemon may not be asked, a deployment ends before it changes anything', async (t) => {
      play();
      const file = join(box.folder, 'imu.tcnmodel');
      writeFileSync(file, 'content');
      box.set('hook-systemctl', 'echo active; exit');
      box.set('said-list', real.list.replace('"running": true', '"running": null'));
      t.match(await box.deploy([file]), { status: 77, err: /"daemon": .*sudo -n.*Nothing was changed/ });
      t.notMatch(box.get('calls'), /install|activate/);
      box.set('said-after', real.offline.after.replace('"running": false', '"running": null'));
      t.match(await box.deploy(['--rollback']), { status: 0, out: /! daemon: it may not be asked; tiny@2 / });
    });
  });
});
