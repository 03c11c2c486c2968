import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { messageOf, SidecarError } from '../core/errors.ts';

/** Paths of PEM files. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

/** A server's certificate with what leads to its authority. */
export interface Certificate {
  readonly pem: Buffer;
  /** SHA-256 of the server's own, as Node tells it of a peer's. */
  readonly fingerprint: string;
  readonly startsAtMs: number;
  readonly expiresAtMs: number;
  /** For people. */
  readonly expires: string;
}

/** A certificate with its key, as they lay on disk when they were read. */
export interface CertificatePair extends CertificatePaths, Omit<Certificate, 'pem'> {
  /** Of both files; another content has another one. */
  readonly digest: string;
}

/** Without its key, which only the daemon may read. Throws CONFIG_INVALID. */
export function readCertificate(path: string): Certificate {
  const pem = read(path, 'tls_certificate');
  return { pem, ...toFacts(parseCertificate(pem, path)) };
}

/**
 * Reads both files and checks that they belong together. Dates are told, not judged: a clock may be wrong.
 * Throws CONFIG_INVALID with path and remedy.
 */
export function readCertificatePair({ certificate, key }: CertificatePaths): CertificatePair {
  const chain = read(certificate, 'tls_certificate');
  const secret = read(key, 'tls_key');
  const own = parseCertificate(chain, certificate);
  if (!own.checkPrivateKey(parseKey(secret, key))) {
    const what = `${key} is not the key of the first certificate in ${certificate}`;
    throw new SidecarError('CONFIG_INVALID', `security.tls_key: ${what}; the server's own must come first in it.`);
  }
  return {
    certificate,
    key,
    digest: createHash('sha256').update(chain).update('\0').update(secret).digest('hex'),
    ...toFacts(own),
  };
}

function toFacts({ fingerprint256, validFromDate, validToDate, validTo }: X509Certificate): Omit<Certificate, 'pem'> {
  return {
    fingerprint: fingerprint256,
    startsAtMs: validFromDate.getTime(),
    expiresAtMs: validToDate.getTime(),
    expires: validTo,
  };
}

/** A text that changes when one of the files does, whatever links lead to them; never throws. */
export function stampOf({ certificate, key }: CertificatePaths): string {
  return [certificate, key].map(stampOfFile).join(' | ');
}

function stampOfFile(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (cause) {
    return messageOf(cause);
  }
}

function parseCertificate(pem: Buffer, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    const what = `${path} is no PEM certificate (${messageOf(cause)})`;
    throw new SidecarError('CONFIG_INVALID', `security.tls_certificate: ${what}; name a file that begins with one.`, {
      cause,
    });
  }
}

function parseKey(pem: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isLocked = pem.includes('ENCRYPTED');
    const what = isLocked ? `${path} is locked by a passphrase` : `${path} is no PEM private key`;
    const remedy = isLocked ? 'unlock it with "openssl pkey"' : 'name the key of tls_certificate';
    throw new SidecarError('CONFIG_INVALID', `security.tls_key: ${what}; ${remedy}.`, { cause });
  }
}

function read(path: string, name: string): Buffer {
  try {
    if (!statSync(path).isFile()) throw new Error('it is no regular file'); // a FIFO would block the start for ever
    return readFileSync(path);
  } catch (cause) {
    const remedy = "the daemon's user must be able to read it: install -o hailo-tcn-sidecar -m 400";
    const what = `security.${name}: ${path} cannot be read (${messageOf(cause)}); ${remedy}`;
    throw new SidecarError('CONFIG_INVALID', `${what}.`, { cause });
  }
}
