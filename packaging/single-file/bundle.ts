import { build } from 'esbuild';
import { ROOT } from '../project.ts';
import { redirectNatives, requireRedirected } from './redirects.ts';

/**
 * Modules that ask where they lie get the executable's own place: nothing of ours lies beside it, and what has to be
 * found is found by system/embedded.ts.
 */
const BANNER = `'use strict';
const MODULE_URL = require('node:url').pathToFileURL(process.execPath).href;
const MODULE_DIRECTORY = require('node:path').dirname(process.execPath);`;

/**
 * Bundles a TypeScript entry and all it imports into one CommonJS file (a single-file executable of Node 24 takes no
 * other). Not minified: a stack trace should be readable where it happens. Throws on esbuild's warnings too.
 */
export async function bundle(entry: string, outfile: string): Promise<void> {
  const { metafile, warnings } = await build({
    entryPoints: [entry],
    outfile,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    keepNames: true,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    banner: { js: BANNER },
    define: { 'import.meta.url': 'MODULE_URL', 'import.meta.dirname': 'MODULE_DIRECTORY' },
    plugins: [redirectNatives],
  });
  if (warnings.length > 0) throw new Error(`esbuild warned about ${entry}; see above.`);
  requireRedirected(Object.keys(metafile.inputs));
}
