import t from 'tap';
import { createStubBackend } from '../../../src/backends/stub/backend.ts';
import { writeTinyBundle } from '../../fixtures/bundle.ts';
import { conforms } from '../conformance.ts';

const warned: string[] = [];
const nothing = () => {};
const log = {
  debug: nothing,
  info: nothing,
  warn: (_: object, text: string) => void warned.push(text),
  error: nothing,
};

t.test('the stub keeps the promises of a backend', async (t) => {
  const { source } = writeTinyBundle(t.testdir());
  // its answers follow the first sample only, which differs between the windows of the suite
  await conforms(t, { open: async () => createStubBackend(log), source, second: { ...source, id: 'tiny@2' } });
});

t.test('it is loud: in the log and in every answer', async (t) => {
  const { source } = writeTinyBundle(t.testdir());
  const backend = createStubBackend(log);
  t.match(warned.at(-1), /not a model/);
  t.match(backend.state(), { kind: 'stub', degraded: /not a model/ });
  const model = await backend.load(source);
  t.match(await model.run(new Float32Array(900)), { backend: 'stub', degraded: /not a model/ });
});
