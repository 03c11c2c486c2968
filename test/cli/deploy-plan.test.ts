import t, { type Test } from 'tap';
import { toDeployPlan } from '../../src/cli/deploy-plan.ts';

const refused = (t: Test, argv: string[], message: RegExp) =>
  t.throws(() => toDeployPlan(argv), { code: 'USAGE', message }, argv.join(' '));

t.test('a whole command line', async (t) => {
  const argv = [
    'pi@box.local',
    'a:b',
    '--port',
    '2222',
    '--identity',
    '/k',
    '--ssh-option',
    'ProxyJump=x',
    '--timeout',
    '9',
  ];
  t.same(toDeployPlan(argv), {
    target: { user: 'pi', host: 'box.local', port: 2222, identity: '/k', sshOptions: ['ProxyJump=x'] },
    file: `${process.cwd()}/a:b`,
    isDryRun: false,
    isAwaited: true,
    timeoutMs: 9000,
    isJson: false,
  });
  t.equal(toDeployPlan(['--help']), null);
});

t.test('hosts of all sorts', async (t) => {
  const loginOf = (destination: string) => {
    const { user, host } = toDeployPlan([destination, 'f'])?.target ?? {};
    return { user, host };
  };
  t.same(loginOf('box'), { user: null, host: 'box' });
  t.same(loginOf('root@[fe80::1%eth0]'), { user: 'root', host: 'fe80::1%eth0' });
  t.same(loginOf('me@corp.example@10.0.0.1'), { user: 'me@corp.example', host: '10.0.0.1' });
});

t.test('nothing in a name becomes an option or a command', async (t) => {
  refused(t, ['--', '-oProxyCommand=x', 'f'], /no name of a machine/);
  refused(t, ['pi@-oProxyCommand=x', 'f'], /no name of a machine/);
  refused(t, ['--', '-l@box', 'f'], /no name of a user/);
  for (const login of ['pi@', '@box', 'pi@a b', 'pi@a;b', 'p$(x)@box', "pi@a'b", 'pi@a\nb', 'pi@a/b', 'ssh://pi@box'])
    refused(t, [login, 'f'], /no name of/);
});

t.test('what is missing, too much or no number is said', async (t) => {
  refused(t, [], /name the machine/);
  refused(t, ['box'], /name the FILE/);
  refused(t, ['box', 'f', '--rollback'], /takes no FILE/);
  refused(t, ['box', 'f', 'g'], /unexpected argument "g"/);
  for (const port of ['0', '65536', '22x', '-1', '']) refused(t, ['box', 'f', `--port=${port}`], /--port takes/);
  refused(t, ['box', 'f', '--timeout=1.5'], /--timeout takes/);
  refused(t, ['box', 'f', '--identity='], /--identity takes/);
  refused(t, ['box', 'f', '--ssh-option=-F'], /--ssh-option takes/);
  refused(t, ['box', 'f', '--dryrun'], /did you mean "?--dry-run/i);
});
