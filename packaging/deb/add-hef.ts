import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toYaml } from '../../src/config/render.ts';
import { loadBundle } from '../../src/models/bundle.ts';
import { verifyHef } from '../../src/models/hef.ts';
import { readYaml } from '../../src/parts.ts';

const COSINE = 0.99;

/**
 * Puts a .hef into a bundle directory, named in its manifest, and loads the bundle as the daemon does. Without one the
 * bundle is loaded as it is. Throws MODEL_INVALID.
 */
export async function addHef(directory: string, hef: string | undefined): Promise<void> {
  if (hef !== undefined && hef !== '') {
    const bytes = readFileSync(hef);
    await verifyHef(bytes, hef);
    copyFileSync(hef, join(directory, 'model.hef'));
    const path = join(directory, 'manifest.yaml');
    const manifest = readYaml(readFileSync(path, 'utf8'), path) as { artefacts: object[] };
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    manifest.artefacts.push({ file: 'model.hef', kind: 'hef', sha256, tolerance: { cosine: COSINE } });
    writeFileSync(path, toYaml(manifest));
  }
  await loadBundle(directory, { parseYaml: readYaml });
}
