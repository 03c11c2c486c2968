import { messageOf } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { MESSAGE_IDS } from './core/message-ids.ts';
import { type CertificatePair, readCertificatePair, stampOf } from './system/certificate.ts';

export interface CertificateWatchParts {
  /** What the listener was opened with. */
  readonly first: CertificatePair;
  /** Gives it to new connections. Throws when that does not work; then the one before is still in force. */
  use(pair: CertificatePair): void;
  readonly log: Log;
  /** Unix time in milliseconds. */
  now(): number;
  /** How often to look; 3000 by default. */
  readonly intervalMs?: number;
}

export interface CertificateWatch {
  readonly inForce: CertificatePair;
  /** Looks at once, and tells what cannot be used, also where that was told before; a pair as it was is no news. */
  check(): void;
  stop(): void;
}

/** Somebody who renews writes two files, one after the other: what is wrong at one look only is not worth a word. */
const INTERVAL_MS = 3000;

/**
 * Takes a renewed certificate into force. The files are looked at rather than watched: renewals replace links in directories
 * that may not be there yet. What cannot be used is told once, tried again at each look, and changes nothing.
 */
export function watchCertificate({ first, use, log, now, intervalMs }: CertificateWatchParts): CertificateWatch {
  let inForce = first;
  let stamp = '';
  let failure: string | null = null;
  let told: string | null = null;

  function look(): void {
    const seen = stampOf(inForce);
    if (seen === stamp && failure === null) return;
    const pair = readCertificatePair(inForce);
    if (pair.digest !== inForce.digest) take(pair);
    stamp = seen;
  }

  function take(pair: CertificatePair): void {
    if (pair.expiresAtMs <= now() && pair.expiresAtMs <= inForce.expiresAtMs)
      throw new Error(`${pair.certificate} was replaced by one that has expired on ${pair.expires}`);
    use(pair);
    inForce = pair;
    const text = `${pair.certificate} is in force for new connections, valid until ${pair.expires}`;
    log.info({ message_id: MESSAGE_IDS.reloaded }, `TLS certificate reloaded: ${text}`);
  }

  function check(isAsked: boolean): void {
    const before = failure;
    try {
      look();
      failure = null;
      told = null;
    } catch (thrown) {
      failure = messageOf(thrown);
      if (!isAsked && (failure === told || failure !== before)) return;
      told = failure;
      log.error(
        { message_id: MESSAGE_IDS.reloadRefused },
        `TLS certificate not reloaded, the one in force stays: ${failure}`,
      );
    }
  }

  const timer = setInterval(check, intervalMs ?? INTERVAL_MS, false);
  timer.unref();
  return {
    get inForce() {
      return inForce;
    },
    check: () => check(true),
    stop: () => clearInterval(timer),
  };
}
