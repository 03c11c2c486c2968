import t from 'tap';
import { type Check, doctorCommand } from '../../src/cli/doctor.ts';
import { createIo } from '../../src/cli/io.ts';
import { SidecarError } from '../../src/core/errors.ts';

async function run(argv: string[], checks: readonly Check[]) {
  const out: string[] = [];
  const sink = { write: (text: string) => out.push(text) };
  const status = await doctorCommand(argv, createIo(sink, sink, {}), () => checks);
  return { status, text: out.join('') };
}

const good: Check = { name: 'model', run: () => ({ state: 'ok', text: 'imu@1, digests match' }) };
const warned: Check = { name: 'device', run: () => ({ state: 'warning', text: 'no driver', fix: 'install it' }) };
const broken: Check = {
  name: 'config',
  run: async () => {
    throw new SidecarError('CONFIG_INVALID', 'a.yaml:3:1: unknown key "prot", did you mean "port"?');
  },
};

t.test('each finding is a line with its mark, and a fix where one is due', async (t) => {
  t.same(await run([], [good, warned]), {
    status: 0,
    text: '✓ model: imu@1, digests match\n! device: no driver\n    → install it\n',
  });
});

t.test('a failed check does not stop the others and sets the exit status', async (t) => {
  t.same(await run([], [broken, good]), {
    status: 1,
    text: '✗ config: a.yaml:3:1: unknown key "prot", did you mean "port"?\n✓ model: imu@1, digests match\n',
  });
});

t.test('a check that breaks in an unknown way asks for a report', async (t) => {
  const odd: Check = { name: 'odd', run: () => Promise.reject(new TypeError('x is undefined')) };
  t.match(await run([], [odd]), { status: 1, text: /✗ odd: x is undefined\n {4}→ .*report/ });
});

t.test('--json is one document for scripts', async (t) => {
  const { status, text } = await run(['--json'], [good, warned]);
  t.same(
    { status, ...JSON.parse(text) },
    {
      status: 0,
      ok: true,
      checks: [
        { name: 'model', state: 'ok', text: 'imu@1, digests match' },
        { name: 'device', state: 'warning', text: 'no driver', fix: 'install it' },
      ],
    },
  );
});

t.test('--help explains without checking', async (t) => {
  t.match(await run(['--help'], [broken]), { status: 0, text: /^Usage: / });
});
