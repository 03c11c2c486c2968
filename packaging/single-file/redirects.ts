import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { ROOT } from '../project.ts';

/** A file of a package that looks for its native part beside itself, and what it becomes in the executable. */
export interface Redirect {
  readonly package: string;
  /** Path within the package. */
  readonly file: string;
  /** The new text, from the old one; throws when the package changed so that this no longer fits. */
  rewrite(text: string): string;
}

const loaderFor = (part: string) => `require('sidecar:native').loadNative('${part}')`;
const ORT_REQUIRE = /require\(`\.\.\/bin\/napi-v6\/[^`]*onnxruntime_binding\.node`\)/;

export const REDIRECTS: readonly Redirect[] = [
  {
    package: 'uWebSockets.js',
    file: 'uws.js',
    rewrite: () => `module.exports = ${loaderFor('uws')};`,
  },
  {
    package: 'koffi',
    file: 'src/koffi/src/static.cjs',
    rewrite: () => `exports.loadStatic = () => ${loaderFor('koffi')};`,
  },
  {
    package: 'onnxruntime-node',
    file: 'dist/binding.js',
    rewrite(text) {
      if (!ORT_REQUIRE.test(text)) throw new Error('onnxruntime-node loads its native part differently now.');
      return text.replace(ORT_REQUIRE, loaderFor('onnxruntime'));
    },
  },
];

/** esbuild plugin: packages with native parts get them from system/native.ts. */
export const redirectNatives: Plugin = {
  name: 'redirect-natives',
  setup(build) {
    build.onResolve({ filter: /^sidecar:native$/ }, () => ({ path: join(ROOT, 'src/system/native.ts') }));
    // koffi's ESM entry wants import.meta.url, which a CommonJS bundle has not.
    build.onResolve({ filter: /^koffi$/ }, () => ({ path: join(ROOT, 'node_modules/koffi/index.cjs') }));
    build.onLoad({ filter: /\.c?js$/ }, ({ path }) => {
      const redirect = REDIRECTS.find((known) => path === join(ROOT, 'node_modules', known.package, known.file));
      return redirect === undefined ? null : { contents: redirect.rewrite(readFileSync(path, 'utf8')) };
    });
  },
};

/** Every package that is in the bundle must have had its redirected file in it: else an update moved the file. */
export function requireRedirected(inputs: readonly string[]): void {
  for (const { package: name, file } of REDIRECTS) {
    const home = `node_modules/${name}/`;
    if (!inputs.some((input) => input.startsWith(home)) || inputs.includes(home + file)) continue;
    throw new Error(
      `${name} is bundled, but not its ${file}: the package changed; adapt packaging/single-file/redirects.ts.`,
    );
  }
}
