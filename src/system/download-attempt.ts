import { createHash } from 'node:crypto';
import { SidecarError } from '../core/errors.ts';
import { type GetOptions, Interruption, type Opened, openUrl, showUrl } from './https-get.ts';
import type { PartialFile, Version } from './partial-file.ts';

export interface AttemptOptions {
  readonly maxBytes: number;
  readonly idleMs: number;
  readonly ca?: string;
  readonly signal?: AbortSignal;
  onProgress?(progress: { readonly bytes: number; readonly total: number | null }): void;
}

const BUSY = [408, 425, 429, 500, 502, 503, 504];

/** One request, from what is there already to the end of the file. Throws Interruption where another may help. */
export async function attempt(url: URL, partial: PartialFile, options: AttemptOptions): Promise<void> {
  const opened = await openUrl(url, toGetOptions(partial, options));
  try {
    if (isWhole(opened, partial)) return;
    await requireBody(opened, url, partial);
    const total = totalOf(opened, partial);
    await requireSize(total ?? 0, url, partial, options);
    if (opened.status === 200) await partial.restart(versionOf(opened, url));
    await receive(opened, { url, partial, total }, options);
  } finally {
    opened.close();
    await partial.keep();
  }
}

function toGetOptions({ bytes, version }: PartialFile, { ca, signal, idleMs }: AttemptOptions): GetOptions {
  const range = bytes > 0 && version !== null ? { range: `bytes=${bytes}-`, 'if-range': version.validator } : {};
  return {
    headers: { 'user-agent': 'hailo-tcn-sidecar', accept: '*/*', 'accept-encoding': 'identity', ...range },
    idleMs,
    ...(ca !== undefined && { ca }),
    ...(signal && { signal }),
  };
}

/** An earlier run got it all, but ended before it could say so: there is nothing behind the last byte. */
function isWhole({ status, headers }: Opened, { bytes }: PartialFile): boolean {
  return status === 416 && bytes > 0 && headers['content-range'] === `bytes */${bytes}`;
}

/** A reply that brings the file, or the rest that was asked for. */
async function requireBody(opened: Opened, url: URL, partial: PartialFile): Promise<void> {
  const { status, headers } = opened;
  const encoding = headers['content-encoding'] ?? 'identity';
  if ((status === 200 || status === 206) && encoding !== 'identity') {
    throw new SidecarError(
      'UNAVAILABLE',
      `${showUrl(url)} comes as ${encoding}, which was not asked for: have the server send the file as it is.`,
    );
  }
  if (status === 200 || (status === 206 && isRest(opened, partial))) return;
  if (partial.bytes > 0 && (status === 206 || status === 416)) {
    await partial.drop();
    throw new Interruption(`the file on ${url.host} is another one than before`);
  }
  if (BUSY.includes(status)) throw new Interruption(`${url.host} answers with status ${status}`);
  const remedy = status === 401 || status === 403 ? 'check what is needed to be let in' : 'check the address';
  throw new SidecarError(
    'UNAVAILABLE',
    `${showUrl(url)} cannot be downloaded: the server answers with status ${status}; ${remedy}.`,
  );
}

/** The bytes from where we are, of the same version: If-Range asked for that, but not every server knows it. */
function isRest({ headers }: Opened, { bytes, version }: PartialFile): boolean {
  const start = /^bytes ([0-9]+)-/.exec(headers['content-range'] ?? '')?.[1];
  const isOther =
    headers.etag !== undefined && version?.validator.startsWith('"') && headers.etag !== version.validator;
  return bytes > 0 && Number(start) === bytes && !isOther;
}

function totalOf({ status, headers }: Opened, { bytes }: PartialFile): number | null {
  const length = headers['content-length'];
  if (length === undefined) return null;
  return Number(length) + (status === 206 ? bytes : 0);
}

async function requireSize(bytes: number, url: URL, partial: PartialFile, options: AttemptOptions): Promise<void> {
  const most = options.maxBytes;
  if (bytes <= most) return;
  await partial.drop();
  throw new SidecarError(
    'MODEL_INVALID',
    `${showUrl(url)} is larger than ${most} bytes, which no model may be: check the address. Nothing was kept.`,
  );
}

/** null: the server gives nothing by which the rest could be asked for. A weak ETag stands for more than one content. */
function versionOf({ headers }: Opened, url: URL): Version | null {
  const { etag } = headers;
  const validator = etag?.startsWith('"') ? etag : headers['last-modified'];
  return validator === undefined ? null : { address: addressDigest(url), validator };
}

/** What names an address without giving away what is in it. */
export const addressDigest = ({ href }: URL) => createHash('sha256').update(href).digest('hex');

interface Receiving {
  readonly url: URL;
  readonly partial: PartialFile;
  readonly total: number | null;
}

async function receive(opened: Opened, { url, partial, total }: Receiving, options: AttemptOptions): Promise<void> {
  for await (const chunk of opened.body()) {
    await requireSize(partial.bytes + chunk.length, url, partial, options);
    await partial.append(chunk);
    options.onProgress?.({ bytes: partial.bytes, total });
  }
  if (total === null || partial.bytes === total) return;
  throw new Interruption(`${url.host} sent ${partial.bytes} of ${total} bytes`);
}
