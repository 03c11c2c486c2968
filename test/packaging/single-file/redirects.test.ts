import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ROOT } from '../../../packaging/project.ts';
import { REDIRECTS, requireRedirected } from '../../../packaging/single-file/redirects.ts';

t.test('each installed package has the file that is redirected, and it ends at our loader', async (t) => {
  for (const { package: name, file, rewrite } of REDIRECTS) {
    const text = readFileSync(join(ROOT, 'node_modules', name, file), 'utf8');
    t.match(rewrite(text), /require\('sidecar:native'\)\.loadNative\('(uws|koffi|onnxruntime)'\)/, name);
    t.notMatch(rewrite(text), /require\([^)]*\.node/, `${name} loads nothing by itself`);
  }
});

t.test('a package that loads its native part differently stops the build', async (t) => {
  const ort = REDIRECTS.find((redirect) => redirect.package === 'onnxruntime-node');
  t.throws(() => ort?.rewrite('exports.binding = load();'), { message: /differently now/ });
});

t.test('a bundled package without its redirected file stops the build', async (t) => {
  t.throws(() => requireRedirected(['src/main.ts', 'node_modules/koffi/index.cjs']), {
    message: /koffi is bundled, but not its src\/koffi\/src\/static\.cjs/,
  });
  t.doesNotThrow(() =>
    requireRedirected(['node_modules/koffi/index.cjs', 'node_modules/koffi/src/koffi/src/static.cjs']),
  );
  t.doesNotThrow(() => requireRedirected(['src/main.ts']), 'a package that is not bundled needs none');
});
