import { join } from 'node:path';
import t from 'tap';
import { mayRestartFor } from '../../src/system/restart-once.ts';

t.test('under systemd one restart per cause, then never again for the same', async (t) => {
  const directory = t.testdir({ models: {} });
  const env = { INVOCATION_ID: 'x', STATE_DIRECTORY: `${directory}:${directory}/models` };
  const answers = ['node 1', 'node 1', 'node 2', 'node 2'].map((cause) => mayRestartFor(cause, env));
  t.strictSame(answers, [true, false, true, false]);
});

t.test('where nobody starts it again, or nothing can be remembered, it goes on', async (t) => {
  const directory = t.testdir({});
  const environments = [
    { STATE_DIRECTORY: directory },
    { INVOCATION_ID: 'x' },
    { INVOCATION_ID: 'x', STATE_DIRECTORY: join(directory, 'missing') },
  ];
  t.strictSame(
    environments.map((env) => mayRestartFor('node', env)),
    [false, false, false],
  );
});
