import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { addHef } from '../../packaging/deb/add-hef.ts';
import { ROOT } from '../../packaging/project.ts';
import { loadBundle } from '../../src/models/bundle.ts';
import { readYaml } from '../../src/parts.ts';
import { standInHef } from '../fakes/hailort/hef.ts';
import { tinyHef } from '../fakes/hailort/tiny-hef.ts';

function copyOfModel(t: Test): string {
  const directory = join(t.testdir({}), 'model');
  cpSync(join(ROOT, 'packaging/models/default'), directory, { recursive: true });
  return directory;
}

t.test('a .hef that is given becomes part of the packaged bundle, which loads as the daemon loads it', async (t) => {
  const directory = copyOfModel(t);
  const hef = join(t.testdirName, 'given.hef');
  writeFileSync(hef, standInHef(tinyHef(), { header: 2 }));
  await addHef(directory, hef);
  const { artefacts } = await loadBundle(directory, { parseYaml: readYaml });
  t.match(
    artefacts.map(({ kind }) => kind),
    ['onnx', 'hef'],
  );
  t.same(readFileSync(join(directory, 'model.hef')), readFileSync(hef));
});

t.test('without one the bundle stays as it is; what is no .hef is refused', async (t) => {
  const directory = copyOfModel(t);
  const before = readFileSync(join(directory, 'manifest.yaml'), 'utf8');
  await addHef(directory, undefined);
  await addHef(directory, '');
  const text = join(t.testdirName, 'text.hef');
  writeFileSync(text, '{"mock_hef": true}');
  await t.rejects(addHef(directory, text), { code: 'MODEL_INVALID', message: /does not begin with 01 48 45 46/ });
  t.equal(readFileSync(join(directory, 'manifest.yaml'), 'utf8'), before);
});
