import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SidecarError } from '../../core/errors.ts';
import { formatPublicKey } from './public-key.ts';

/** A new Ed25519 pair: the private key as PKCS#8 PEM, the public key as the line for model.trusted_keys. */
export function createKeyPair(comment: string): { readonly privateKeyPem: string; readonly publicKey: string } {
  const pair = generateKeyPairSync('ed25519');
  return {
    privateKeyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: formatPublicKey(pair.publicKey, comment),
  };
}

/** Throws USAGE that says what the text is instead; never with anything of the text in it. */
export function parsePrivateKey(pem: string): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const why = whyNoPrivateKey(pem);
  if (why !== null) throw refuse(why);
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType !== 'ed25519') throw refuse(`it is of the kind ${privateKey.asymmetricKeyType}`);
    return { privateKey, publicKey: createPublicKey(privateKey) };
  } catch (cause) {
    if (cause instanceof SidecarError) throw cause;
    throw refuse('it cannot be decoded');
  }
}

function whyNoPrivateKey(pem: string): string | null {
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    return 'it is encrypted, and nobody is asked for a passphrase here; pipe it in with "openssl pkey -in KEY | … --key /dev/stdin"';
  }
  if (/BEGIN OPENSSH PRIVATE KEY/.test(pem)) return 'it is a key of SSH';
  if (/BEGIN PUBLIC KEY|^ed25519:/.test(pem)) return 'it is the public key';
  return /BEGIN [A-Z ]*PRIVATE KEY/.test(pem) ? null : 'it is not in PEM form';
}

function refuse(why: string): SidecarError {
  return new SidecarError(
    'USAGE',
    `This is no private key to sign with: ${why}. Wanted is an Ed25519 key in PKCS#8 PEM, as "model keygen" writes it.`,
  );
}
