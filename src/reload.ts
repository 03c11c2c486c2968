import type { LoadedConfig } from './config/load.ts';
import type { Reload } from './config/reload.ts';
import { messageOf } from './core/errors.ts';
import { MESSAGE_IDS } from './core/message-ids.ts';
import type { DaemonLog } from './observe/log.ts';
import type { Notify } from './system/notify.ts';

export interface ReloadParts {
  readonly log: DaemonLog;
  readonly notify: Notify;
  read(current: LoadedConfig): Reload;
  statusLine(): string;
}

function toApply(key: string): string {
  const isOfUnit = key.startsWith('resource_limits.');
  const how = isOfUnit ? 'it is the unit\'s: see "hailo-tcn-sidecar config systemd"' : 'restart to apply it';
  return `configuration reloaded: ${key} has changed; ${how}`;
}

/** SIGHUP: the configuration now in force. A bad file changes nothing, and that is said. */
export function reload(parts: ReloadParts, current: LoadedConfig): LoadedConfig {
  const { log, notify } = parts;
  notify.reloading('Reloading the configuration');
  try {
    const { loaded, applied, needsRestart } = parts.read(current);
    log.setLevel(loaded.config.logging.level);
    for (const { key, from, to } of applied)
      log.info({ message_id: MESSAGE_IDS.reloaded, from, to }, `configuration reloaded: ${key} is now in force`);
    for (const { key } of needsRestart) log.warn({ message_id: MESSAGE_IDS.reloaded }, toApply(key));
    for (const warning of loaded.warnings.filter((text) => !current.warnings.includes(text))) log.warn({}, warning);
    if (applied.length + needsRestart.length === 0)
      log.info({ message_id: MESSAGE_IDS.reloaded }, 'configuration reloaded: nothing has changed');
    return loaded;
  } catch (thrown) {
    log.error(
      { message_id: MESSAGE_IDS.reloadRefused },
      `configuration not reloaded, the one in force stays: ${messageOf(thrown)}`,
    );
    return current;
  } finally {
    notify.ready(parts.statusLine());
  }
}
