import { toConfig, toSettings } from './keys.ts';
import type { Config } from './schema.ts';

/** A value that is there but not shown. */
const HIDDEN = 'set';

/**
 * The configuration as /status may show it. It holds no secrets itself, but where keys and tokens lie is nobody's
 * business: everything under `security` shows only whether it is set, trusted_keys only how many there are.
 */
export function publicView(config: Config): Readonly<Record<string, unknown>> {
  const shown = toConfig(toSettings(config));
  const security = Object.entries(shown.security).map(([name, value]) => [
    name,
    typeof value === 'string' ? HIDDEN : value,
  ]);
  const model = { ...shown.model, trusted_keys: shown.model.trusted_keys.map(() => HIDDEN) };
  return { ...shown, model, security: Object.fromEntries(security) };
}
