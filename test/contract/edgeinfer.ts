import { Agent, request } from 'node:http';

/**
 * EdgeInfer on the wire, written from what its two code paths do: their URL arithmetic, their 45 ms without a byte
 * read, what they accept of a reply. Windows go out as Swift encodes [[Float]]: compact, shortest float32 decimals.
 */
export interface EdgeInferReply {
  readonly latent: readonly number[];
  readonly motif_scores: readonly number[];
}

const READ_TIMEOUT_MS = 45;
const agent = new Agent({ keepAlive: true });

/** The model service: posts to the configured URL as it is, be it `…/infer` or the bare base. */
export function inferAsConfigured(backendUrl: string, window: readonly Float32Array[]): Promise<EdgeInferReply> {
  return post(backendUrl, window);
}

/** The analysis controller: appends `/infer` unless the path already ends in it. */
export function inferWithSuffix(modelUrl: string, window: readonly Float32Array[]): Promise<EdgeInferReply> {
  const url = new URL(modelUrl);
  if (!url.pathname.endsWith('/infer')) url.pathname += url.pathname.endsWith('/') ? 'infer' : '/infer';
  return post(url.href, window);
}

/** The capability check of its health page: always appends `/infer`, also to a URL that ends in it. */
export function inferForHealthPage(backendUrl: string, window: readonly Float32Array[]): Promise<EdgeInferReply> {
  return post(`${backendUrl}/infer`, window);
}

/** The recovery probe: the URL up to the first "/infer", then `/healthz`; healthy means 200. */
export async function isHealthy(backendUrl: string): Promise<boolean> {
  const base = backendUrl.split('/infer')[0] ?? backendUrl;
  return (await exchange('GET', `${base}/healthz`, null)).status === 200;
}

async function post(url: string, window: readonly Float32Array[]): Promise<EdgeInferReply> {
  const reply = await exchange('POST', url, toSwiftJson(window));
  if (reply.status !== 200) throw new Error(`Model backend status: ${reply.status}`);
  if (!reply.contentType.startsWith('application/json')) throw new Error(`not JSON: ${reply.contentType}`);
  const result = JSON.parse(reply.body) as EdgeInferReply;
  if (result.latent.length !== 64 || result.motif_scores.length !== 12) throw new Error('malformed response');
  return result;
}

/** Shortest decimal that reads back as the same float32, as Swift prints a Float. */
export function toSwiftJson(window: readonly Float32Array[]): string {
  const rows = window.map((row) => `[${[...row].map(toShortestFloat32).join(',')}]`);
  return `{"x":[${rows.join(',')}]}`;
}

function toShortestFloat32(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

interface WireReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

function exchange(method: string, url: string, body: string | null): Promise<WireReply> {
  return new Promise((resolve, reject) => {
    const headers = body === null ? {} : { 'content-type': 'application/json; charset=utf-8' };
    const call = request(url, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    call.setTimeout(READ_TIMEOUT_MS, () => call.destroy(new Error(`read timeout after ${READ_TIMEOUT_MS} ms`)));
    call.on('error', reject);
    call.end(body ?? undefined);
  });
}
