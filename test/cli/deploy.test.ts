import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { skipDeploy, startBox } from '../fakes/remote-box.ts';

/** What a deployment does when all goes well, over a real sshd on loopback. */
t.test('deploy', { skip: skipDeploy }, async (t) => {
  const box = await startBox(t);
  const file = join(box.folder, 'imu.tcnmodel');
  writeFileSync(file, randomBytes(300_000));
  t.beforeEach(() => box.reset());
  const marksOf = (out: string) =>
    out.split('\n').flatMap((line) => /^([✓✗!-]) ([a-z]+):/.exec(line)?.slice(1).join(' ') ?? []);

  t.test('checks, copies, installs, activates, waits for the confirmation and leaves nothing behind', async (t) => {
    const { status, out, err } = await box.deploy([file]);
    t.equal(err, '');
    t.equal(status, 0);
    t.same(
      marksOf(out),
      ['file', 'connection', 'program', 'root', 'service', 'daemon', 'space', 'directory', 'copy', 'digest', 'install']
        .concat(['tidy', 'activate', 'probation'])
        .map((step) => `✓ ${step}`),
    );
    t.match(out, / {4}✓ gate golden: cosine 0.9999, at least 0.99\n/);
    t.match(out, /\nimu@2 serves on .*@127.0.0.1, confirmed.\n$/);
    t.same(box.leftovers(), []);
    t.equal(box.get('active'), 'imu@2');
    t.same(readFileSync(join(box.folder, 'state', 'installed')), readFileSync(file));
  });

  t.test('a gate that leaves the judgement to people is no failure', async (t) => {
    const gates = '[{"name":"motif scores","ok":null,"text":"mind that there are 8, before 12"}]';
    const reply = `{"ok":true,"active":"imu@2","gates":${gates},"probation":null}`;
    box.set('hook-activate', `printf imu@2 >"$BOX/active"; echo '${reply}'; exit`);
    const { status, out } = await box.deploy([file]);
    t.equal(status, 0);
    t.match(out, /\n {4}- gate motif scores: mind that there are 8, before 12\n/);
  });

  t.test('a name with blanks, quotes, a colon and a dollar is a name like any other', async (t) => {
    const folder = join(box.folder, `it's $(touch x) "a:b"`);
    mkdirSync(folder);
    const odd = join(folder, `-o 'q" ;$HOME é:x.tcnmodel`);
    writeFileSync(odd, 'content');
    t.match(await box.deploy([odd]), { status: 0, err: '' });
    t.equal(box.get('installed'), 'content');
  });

  t.test('--dry-run makes the checks and changes nothing', async (t) => {
    const { status, out } = await box.deploy([file, '--dry-run']);
    t.equal(status, 0);
    t.same(marksOf(out).length, 7);
    t.match(out, /Nothing was changed on .*; this would replace imu@1 by imu@2.\n$/);
    t.equal(box.get('calls'), '--version\nmodel list --json\n');
    t.match(await box.deploy(['--rollback', '--dry-run']), { status: 0, out: /would go back from imu@1 to imu@0/ });
    t.equal(box.get('active'), 'imu@1');
  });

  t.test('--no-wait is content with an active model', async (t) => {
    const { status, out } = await box.deploy([file, '--no-wait']);
    t.equal(status, 0);
    t.match(out, /\n- probation: not waited for\n.*its probation goes on there.\n$/);
  });

  t.test('--rollback takes the machine back, also when its service does not run', async (t) => {
    const { status, out } = await box.deploy(['--rollback']);
    t.equal(status, 0);
    t.match(out, /✓ rollback: from imu@1 to imu@0 in 12 ms\n✓ verify: imu@0 is active\nimu@0 serves on/);
    box.reset();
    box.set('hook-systemctl', 'echo failed; exit 3');
    t.match(await box.deploy(['--rollback']), { status: 0, out: /! service: failed\n/ });
  });

  t.test('--json is one document', async (t) => {
    const { status, out } = await box.deploy([file, '--json']);
    t.equal(status, 0);
    const { steps, ...rest } = JSON.parse(out);
    t.same(rest, { ok: true, destination: box.login, model: 'imu@2', active: 'imu@2', confirmed: true });
    t.equal(steps.length, 14);
    t.match(steps[12], { name: 'activate', gates: [{ name: 'golden', ok: true }] });
  });

  t.test('a user who is not root uses sudo for the model commands, and for nothing else', async (t) => {
    box.set('hook-id', 'echo 1000; exit');
    box.set('hook-sudo', 'echo "$*" >>"$BOX/sudo"');
    t.match(await box.deploy([file]), { status: 0, out: /✓ root: by sudo\n/ });
    const words = box.get('sudo').trim().split('\n');
    t.equal(words.filter((line) => !line.startsWith('-n hailo-tcn-sidecar model ')).length, 0);
    t.ok(words.length >= 4);
  });

  t.test('without systemd the daemon itself is asked', async (t) => {
    box.set('hook-systemctl', 'echo "System has not been booted with systemd" >&2; exit 1');
    t.match(await box.deploy([file]), { status: 0, out: /! service: no systemd answers there/ });
  });

  t.test('a model that serves already is not activated again', async (t) => {
    box.set('active', 'imu@2');
    t.match(await box.deploy([file]), { status: 0, out: /- activate: imu@2 is active already\n✓ probation/ });
    t.notMatch(box.get('calls'), /activate/);
  });

  t.test('a shell that greets and replies with control characters do no harm', async (t) => {
    const greet = String.raw`printf 'Welcome!\n'`;
    for (const name of ['list', 'install', 'activate', 'id']) box.set(`hook-${name}`, greet);
    box.set('hook-hailo-tcn-sidecar', String.raw`printf 'x \033[31mred\007\n'; exit`);
    const { status, out } = await box.deploy([file]);
    t.equal(status, 0);
    t.match(out, /✓ program: x \[31mred there\n/);
  });
});
