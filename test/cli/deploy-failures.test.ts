import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SidecarError } from '../../src/core/errors.ts';
import { skipDeploy, startBox } from '../fakes/remote-box.ts';

/** Each step of a deployment fails once, over a real sshd on loopback; what serves is asked afterwards. */
t.test('a deployment that fails', { skip: skipDeploy }, async (t) => {
  const box = await startBox(t);
  const file = join(box.folder, 'imu.tcnmodel');
  writeFileSync(file, randomBytes(3_000_000));
  t.beforeEach(() => box.reset());
  t.afterEach(() => t.same(box.leftovers(), [], 'nothing is left behind'));
  const AS_BEFORE = /imu@1 serves on .*127.0.0.1, as before\.\n$/;
  const UNTOUCHED = /Nothing was changed on .*127.0.0.1\.\n$/;

  t.test('file: a wrong signature ends it before anybody is asked', async (t) => {
    const verify = () => Promise.reject(new SidecarError('MODEL_UNTRUSTED', 'It is not signed.'));
    const { status, err } = await box.deploy([file], { verify });
    t.equal(status, 77);
    t.match(err, /deploy failed at "file": It is not signed\. Nothing was changed/);
    t.match(await box.deploy([join(box.folder, 'none')]), { status: 66, err: /cannot be read/ });
    t.equal(box.get('calls'), '');
  });

  t.test('connection: nobody there, another host key, an unknown one, a wrong key, no ssh', async (t) => {
    const option = (text: string) => ['--ssh-option', text];
    const tries: [argv: string[], message: RegExp][] = [
      [option('Port=1'), /check that it is on and that its ssh server runs/],
      [option(`UserKnownHostsFile=${join(box.folder, 'known-other')}`), /it is another machine, or was installed anew/],
      [option('UserKnownHostsFile=/dev/null'), /log in once by hand and compare the fingerprint/],
      [option('User=nobody-here'), /a key that it accepts with --identity/],
    ];
    for (const [argv, message] of tries) {
      const { status, err } = await box.deployAlone([file, ...argv]);
      t.equal(status, 69);
      t.match(err, message);
      t.match(err, UNTOUCHED);
    }
    box.authorise('stranger');
    t.match(await box.deployAlone([file]), { status: 69, err: /Permission denied/ });
    box.authorise('client');
    t.match(await box.deploy([file], { env: { PATH: '/nonexistent' } }), { status: 69, err: /openssh-client/ });
    t.equal(box.get('calls'), '');
  });

  const CHECKS: Record<string, [hooks: Record<string, string>, status: number, message: RegExp]> = {
    'program is missing': [{ 'hailo-tcn-sidecar': 'exit 127' }, 69, /"program": .*is not installed there/],
    'program does not start': [
      { 'hailo-tcn-sidecar': 'echo broken >&2; exit 1' },
      69,
      /"program": .*status 1 .*broken/,
    ],
    'sudo is missing': [{ id: 'echo 1000; exit', sudo: 'exit 127' }, 77, /"root": .*log in as root/],
    'sudo wants a password': [
      { id: 'echo 1000; exit', sudo: 'echo "sudo: a password is required" >&2; exit 1' },
      77,
      /"root": .*it said: sudo: a password is required/,
    ],
    'service is down': [{ systemctl: 'echo failed; exit 3' }, 69, /"service": .*is failed there.*systemctl status/],
    'daemon does not answer': [
      { list: `echo '{"ok":true,"running":false,"active":"a@1","previous":null,"probation":null,"refused":[]}'; exit` },
      69,
      /"daemon": no daemon answers/,
    ],
    'program there is another one': [
      { list: `echo '{"models":[]}'; exit` },
      69,
      /"daemon": it ended with status 0 and said/,
    ],
    'disk is too full': [{ df: 'echo "tmpfs 9 9 9 99% /tmp"; exit' }, 73, /"space": 0.0 MB are free.*make room/],
  };
  for (const [name, [hooks, status, message]] of Object.entries(CHECKS)) {
    t.test(`check: ${name}`, async (t) => {
      for (const [tool, hook] of Object.entries(hooks)) box.set(`hook-${tool}`, hook);
      const answer = await box.deploy([file]);
      t.equal(answer.status, status);
      t.match(answer.err, message);
      t.notMatch(box.get('calls'), /install|activate/);
      t.notMatch(answer.out, /✓ directory/);
    });
  }

  const REFUSE = (code: string, message: string, more = '') =>
    `echo '{"ok":false,"error":{"code":"${code}","message":"${message}"}${more}}'; exit 1`;
  const GATES = ',"gates":[{"name":"golden","ok":false,"text":"cosine 0.71, at least 0.99"}],"active":"imu@1"';
  const STEPS: Record<string, [hooks: Record<string, string>, status: number, message: RegExp]> = {
    'directory cannot be made': [{ mktemp: 'echo "No space left" >&2; exit 1' }, 69, /"directory": .*No space left/],
    'directory would be dangerous to remove': [{ mktemp: 'echo "/tmp/x /etc"; exit' }, 69, /"directory": .*not used/],
    'copy arrives changed': [{ sha256sum: `echo ${'0'.repeat(64)}  x; exit` }, 65, /"digest": the copy has sha256 000/],
    'digest cannot be had': [{ sha256sum: 'echo what; exit' }, 69, /"digest": sha256sum gave no digest: what/],
    'store is full': [{ install: REFUSE('STORE_FAILED', 'No space left.') }, 73, /"install": No space left\. imu@1/],
    'installer crashes': [{ install: 'echo "Killed" >&2; exit 137' }, 69, /"install": .*status 137 and said: Killed/],
    'installed is another': [
      { install: `echo '{"ok":true,"model":"x@1","alreadyThere":true}'; exit` },
      75,
      /installed as "x@1", but is imu@2/,
    ],
    'gate fails': [
      { activate: REFUSE('MODEL_REFUSED', 'golden: too far.', GATES) },
      1,
      /"activate": golden: too far\. /,
    ],
    'activation says nothing sensible': [
      { activate: 'echo ok; exit' },
      69,
      /"activate": it ended with status 0 and said: ok/,
    ],
    'code is of the future': [{ activate: REFUSE('NEWER', 'So there.') }, 69, /"activate": So there/],
  };
  for (const [name, [hooks, status, message]] of Object.entries(STEPS)) {
    t.test(`step: ${name}`, async (t) => {
      for (const [tool, hook] of Object.entries(hooks)) box.set(`hook-${tool}`, hook);
      const answer = await box.deploy([file]);
      t.equal(answer.status, status);
      t.match(answer.err, message);
      t.match(answer.err, AS_BEFORE);
      if (name === 'gate fails') t.match(answer.out, / {4}✗ gate golden: cosine 0.71, at least 0.99\n/);
    });
  }

  t.test('copy: the connection is cut in the middle, and another one tidies', async (t) => {
    box.set('cut', '100');
    const { status, out, err } = await box.deployAlone([file]);
    t.equal(status, 69);
    t.match(out, /✗ copy: .*\n✓ tidy: /);
    t.match(err, AS_BEFORE);
  });

  t.test('copy: the disk is full in the middle', async (t) => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', box.tmp], { stdio: 'ignore' });
    } catch {
      return t.pass('skipped: no file system may be mounted here');
    }
    t.teardown(() => execFileSync('umount', [box.tmp]));
    t.match(await box.deploy([file]), { status: 73, err: /"space": / }, 'it is seen before');
    box.set('hook-df', 'echo "tmpfs 9 9 99999 9% /tmp"; exit');
    const { status, err } = await box.deploy([file]);
    t.equal(status, 69);
    t.match(err, /"copy": .*\. imu@1 serves/);
  });

  t.test('probation: the model is taken back, and it is said why', async (t) => {
    box.set('why', 'error ratio 0.4, at most 0.01');
    const { status, out, err } = await box.deploy([file]);
    t.equal(status, 1);
    t.match(out, /✗ probation: imu@2 was taken back: error ratio 0.4, at most 0.01\n/);
    t.match(err, AS_BEFORE);
  });

  t.test('probation: somebody else took it back', async (t) => {
    box.set('hook-list', '[ -f "$BOX/looks" ] && printf imu@7 >"$BOX/active"');
    const { status, err } = await box.deploy([file]);
    t.equal(status, 1);
    t.match(err, /nobody noted why.*imu@7 serves on .*; before, it was imu@1/);
  });

  t.test('probation: it does not end in the time allowed', async (t) => {
    box.set('hook-list', '[ -f "$BOX/looks" ] && echo 9 >"$BOX/looks"');
    const { status, err } = await box.deploy([file, '--timeout', '1']);
    t.equal(status, 75);
    t.match(err, /not confirmed within 1 s .*7 requests.*imu@2 serves on .*, unconfirmed: it is taken back there when/);
  });

  t.test('probation: lost connections and a daemon that restarts are no verdict', async (t) => {
    const gone = `echo '{"ok":true,"running":false,"active":"imu@2","previous":"imu@1","probation":null,"refused":[]}'; exit`;
    const hook = `[ -f "$BOX/looks" ] && case $(cat "$BOX/looks") in 3) echo 2 >"$BOX/looks"; kill -9 $PPID; exit;; 2) echo 1 >"$BOX/looks"; ${gone};; esac`;
    box.set('hook-list', hook);
    const { status, out } = await box.deployAlone([file]);
    t.equal(status, 0);
    t.match(out, /✓ probation: imu@2 is confirmed; looks at it that failed meanwhile: 1\n/);
    t.equal(box.get('calls').match(/model list/g)?.length, 4, 'the model of a stopped daemon is not confirmed');
  });

  t.test('activate: the connection is lost while it succeeds', async (t) => {
    box.set('hook-activate', 'printf imu@2 >"$BOX/active"; echo 2 >"$BOX/looks"; kill -9 $PPID; exit');
    const { status, out } = await box.deployAlone([file]);
    t.equal(status, 0);
    t.match(out, /! activate: imu@2 serves; the connection was lost meanwhile .*\n✓ probation: /);
  });

  t.test('activate: the connection is lost while it fails, or while nothing is known', async (t) => {
    const clock = () => performance.now() * 100;
    box.set('hook-activate', 'touch "$BOX/lost"; exit 255');
    t.match(await box.deploy([file], { clock }), { status: 69, err: /the activation may go on there.*imu@1 serves/ });
    const refused = '[{"ref":"imu@2","why":"golden: 0.71","at":"x"}]';
    box.set(
      'hook-list',
      `[ -f "$BOX/now" ] && echo '{"ok":true,"running":true,"active":"imu@1","previous":null,"probation":null,"refused":${refused}}' && exit`,
    );
    box.set('hook-activate', 'touch "$BOX/now"; exit 255');
    t.match(await box.deploy([file], { clock }), { status: 1, err: /imu@2 was refused: golden: 0.71\. imu@1 serves/ });
  });

  t.test('activate: the connection is lost, and a refusal from before is not taken for the answer', async (t) => {
    const clock = () => performance.now() * 100;
    const old = '{"ref":"imu@2","why":"golden windows: 0.71","at":"2026-01-01T10:00:00Z"}';
    const other = '{"ref":"imu@3","why":"drift","at":"2026-01-01T11:00:00Z"}';
    const list = (refused: string) =>
      `echo '{"ok":true,"running":true,"active":"imu@1","previous":null,"probation":null,"refused":[${refused}]}'; exit`;
    const replay = async (before: string, after: string) => {
      box.set('hook-list', `[ -f "$BOX/lost" ] || { ${list(before)}; }; ${list(after)}`);
      box.set('hook-activate', 'touch "$BOX/lost"; exit 255');
      return box.deploy([file], { clock });
    };
    t.match(await replay(old, old), { status: 69, err: /the activation may go on there/ });
    box.reset();
    t.match(await replay(`${other},${old}`, old), { status: 69, err: /the activation may go on there/ }, 'it moved up');
    box.reset();
    const again = old.replace('10:00', '12:00');
    t.match(await replay(old, again), { status: 1, err: /imu@2 was refused: golden windows: 0.71\. imu@1 serves/ });
    box.reset();
    t.match(await replay(old, `${other},${again}`), { status: 1, err: /imu@2 was refused/ }, 'another one came later');
  });

  t.test('the machine is gone for good: what is not known is not claimed', async (t) => {
    box.set('hook-activate', 'touch "$BOX/lost"; exit 255');
    box.set('hook-list', '[ -f "$BOX/lost" ] && exit 255');
    const { status, err, out } = await box.deploy([file, '--json'], { clock: () => performance.now() * 1000 });
    t.equal(status, 69);
    t.match(err, /serves now could not be asked .*; before, imu@1 served, and an unconfirmed model is taken back/);
    t.match(JSON.parse(out), { ok: false, active: null, error: { code: 'UNAVAILABLE' } });
  });

  t.test('tidy: what cannot be removed is named, and changes nothing else', async (t) => {
    box.set('hook-rm', '[ "$2" = -- ] && echo "rm: denied" >&2 && exit 1');
    const { status, out } = await box.deploy([file]);
    t.equal(status, 0);
    t.match(out, /! tidy: \/.* is left over, remove it by hand: .*rm: denied\n/);
    execFileSync('sh', ['-c', 'rm -r "$0"/*', box.tmp]);
  });

  t.test('rollback: a refusal, and another outcome than promised', async (t) => {
    box.set('hook-rollback', REFUSE('CONFLICT', 'An activation runs.'));
    t.match(await box.deploy(['--rollback']), { status: 75, err: /"rollback": An activation runs\. imu@1 serves/ });
    box.set('hook-rollback', `echo '{"ok":true,"active":"imu@0","previous":null,"ms":1}'; exit`);
    t.match(await box.deploy(['--rollback']), { status: 75, err: /"verify": imu@1 is active instead of imu@0/ });
  });

  t.test('^C: while something runs there, and during the probation', async (t) => {
    const first = new AbortController();
    box.set('hook-sha256sum', 'touch "$BOX/hashing"; sleep 5');
    const copying = box.deploy([file], { signal: first.signal });
    while (!box.has('hashing')) await new Promise((resolve) => setTimeout(resolve, 20));
    first.abort();
    const { status, err, out } = await copying;
    t.equal(status, 130);
    t.match(err, /deploy failed at "digest": interrupted\. imu@1 serves/);
    t.match(out, /✓ tidy/);
    box.reset();
    const second = new AbortController();
    box.set('hook-list', '[ -f "$BOX/looks" ] && echo 9 >"$BOX/looks" && touch "$BOX/watched"');
    const watching = box.deploy([file], { signal: second.signal });
    while (!box.has('watched')) await new Promise((resolve) => setTimeout(resolve, 20));
    second.abort();
    t.match(await watching, { status: 130, err: /"probation": interrupted\. imu@2 serves on .*, unconfirmed/ });
  });
});
