import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { messageOf, SidecarError } from '../core/errors.ts';

/** The connection failed or broke off: asking again may help. */
export class Interruption extends Error {}

export interface GetOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Certificate authorities in place of the system's, as PEM. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
  /** For the first byte of the reply, and between so many bytes of its body, in milliseconds. */
  readonly idleMs: number;
}

/** A reply whose body is still to be read. */
export interface Opened {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Rejects with Interruption when the connection breaks off or the server dawdles. */
  body(): AsyncGenerator<Uint8Array>;
  /** Lets go of the connection; idempotent. */
  close(): void;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
/** A server that sends less than this in idleMs is as good as silent. */
const LEAST_BYTES = 1024;
const LOST = new Set(
  'ECONNRESET ECONNREFUSED ECONNABORTED EPIPE ETIMEDOUT EAI_AGAIN ENETUNREACH EHOSTUNREACH ERR_STREAM_PREMATURE_CLOSE'.split(
    ' ',
  ),
);

/**
 * The URL of a text. Throws USAGE for what is no https URL; the sentence never shows credentials.
 */
export function toHttpsUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null)
    throw new SidecarError('USAGE', 'The address to download from is no URL: write it as https://host/path.');
  if (url.protocol === 'https:') return url;
  throw new SidecarError(
    'USAGE',
    `${showUrl(url)} cannot be used: models are downloaded over https only, since anybody on the way could change them otherwise.`,
  );
}

/** As people and logs may see it: without user, password and query, where secrets are. */
export function showUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

/**
 * GET over https, following redirects to https. Throws Interruption, or UNAVAILABLE where asking again would not help.
 */
export async function openUrl(first: URL, options: GetOptions): Promise<Opened> {
  let url = first;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const opened = await open(url, options);
    if (!REDIRECTS.includes(opened.status)) return opened;
    opened.close();
    url = toTarget(url, opened.headers.location);
  }
  throw new SidecarError(
    'UNAVAILABLE',
    `${showUrl(first)} leads in a circle: more than ${MAX_REDIRECTS} redirects. Give the address of the file itself.`,
  );
}

function toTarget(from: URL, location: string | undefined): URL {
  const to = location === undefined ? null : URL.parse(location, from.href);
  if (to?.protocol === 'https:') return to;
  const where = to === null ? 'without saying where' : `to ${showUrl(to)}, which is not https`;
  throw new SidecarError(
    'UNAVAILABLE',
    `${showUrl(from)} redirects ${where}: give the https address of the file itself.`,
  );
}

/** Resolves when the head of the reply is there. */
function open(url: URL, options: GetOptions): Promise<Opened> {
  const { headers, ca, signal, idleMs } = options;
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, ...(ca !== undefined && { ca }), ...(signal && { signal }) });
    const dawdles = () => sent.destroy(new Interruption(`${url.host} sent nothing for ${idleMs} ms`));
    const timer = setTimeout(dawdles, idleMs);
    sent.on('error', (error) => {
      clearTimeout(timer);
      reject(toFailure(error, url));
    });
    sent.on('response', (response) => {
      clearTimeout(timer);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: () => bodyOf(response, url, idleMs),
        close: () => sent.destroy(),
      });
    });
    sent.end();
  });
}

async function* bodyOf(response: IncomingMessage, url: URL, idleMs: number): AsyncGenerator<Uint8Array> {
  let fresh = 0;
  const timer = setInterval(() => {
    if (fresh < LEAST_BYTES) response.destroy(new Interruption(`${url.host} sent only ${fresh} bytes in ${idleMs} ms`));
    fresh = 0;
  }, idleMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      fresh += chunk.length;
      yield chunk;
    }
  } catch (thrown) {
    throw toFailure(thrown, url);
  } finally {
    clearInterval(timer);
    response.destroy();
  }
}

function toFailure(thrown: unknown, url: URL): Error {
  if (thrown instanceof Interruption) return thrown;
  const { code = '' } = thrown as NodeJS.ErrnoException;
  if (LOST.has(code))
    return new Interruption(`the connection to ${url.host} failed (${messageOf(thrown)})`, { cause: thrown });
  return new SidecarError('UNAVAILABLE', toSentence(code, messageOf(thrown), url), { cause: thrown });
}

function toSentence(code: string, message: string, url: URL): string {
  const { host, hostname } = url;
  if (code === 'ENOTFOUND') return `There is no host "${hostname}": check the address, and this machine's DNS.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${host} shows a certificate for another name: check the address, or have the server's certificate corrected.`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return `The certificate of ${host} is not valid at this machine's time (${code}): check the clock with "timedatectl", or have the certificate renewed.`;
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_|CRL/.test(code)) {
    return `${host} shows a certificate that this machine does not trust (${code}): for a certificate authority of your own, set NODE_EXTRA_CA_CERTS to its .pem file.`;
  }
  if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code))
    return `${host} does not speak TLS as it should (${code}): check the address and its port.`;
  return `${showUrl(url)} cannot be read: ${message}.`;
}
