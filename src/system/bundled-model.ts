import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { embeddedSet, isExecutable } from './embedded.ts';
import { cacheRoot, ensureCached } from './native-cache.ts';

/** Where the package puts the model that ships with the program. */
export const INSTALLED_MODEL = '/usr/share/hailo-tcn-sidecar/models/default';

/**
 * The directory of the model that ships with the program: in the repository when the sources run, else the package's,
 * else unpacked from the executable. Whoever opens it verifies its digests, as with any bundle.
 * Throws NATIVE_MISSING when it cannot be unpacked.
 */
export function bundledModelDirectory(installed = INSTALLED_MODEL): string {
  if (!isExecutable()) return join(import.meta.dirname, '..', '..', 'packaging', 'models', 'default');
  if (existsSync(installed)) return installed;
  const model = embeddedSet('model');
  return ensureCached(cacheRoot(process.env), model, Object.keys(model.digests));
}
