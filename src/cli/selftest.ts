import { messageOf, SidecarError } from '../core/errors.ts';
import type { Golden, Manifest } from '../core/manifest.ts';
import { compareVectors, type Difference, toleranceOf } from '../models/golden.ts';
import { type Io, parseCommandLine, toTable } from './io.ts';

const HELP = `Usage: hailo-tcn-sidecar selftest [--url URL] [--bundle DIR] [--config FILE] [--json]

Sends the golden windows of a bundle to a running daemon and compares what it answers.

--url URL      the daemon, http://127.0.0.1:9000 unless the configuration says otherwise
--bundle DIR   the bundle whose golden windows are sent; the configured one by default
--config FILE  the configuration that says what is left out here`;

export interface SelftestDeps {
  /** What the configuration says, asked only when the command line does not; null for the default places. */
  configuredUrl(path: string | null): string;
  configuredBundle(path: string | null): string;
  /** The manifest and golden windows of the bundle at `directory`. */
  loadGolden(directory: string): Promise<{ readonly manifest: Manifest; readonly golden: Golden }>;
  readonly fetch: typeof fetch;
}

/** One golden window's outcome over the wire. */
interface WindowResult {
  readonly window: string;
  readonly ok: boolean;
  readonly cosine: number;
  readonly maxAbs: number;
  readonly milliseconds: number;
  readonly backend: string;
}

/** Exit status 0 when every window came out right, 1 when one did not, 69 when no daemon answers. */
export async function selftestCommand(argv: string[], io: Io, deps: SelftestDeps): Promise<number> {
  const options = {
    url: { type: 'string' },
    bundle: { type: 'string' },
    config: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values } = parseCommandLine(argv, options, { command: 'selftest', operands: 0 });
  if (values.help) {
    io.out(HELP);
    return 0;
  }
  const path = values.config ?? null;
  const url = (values.url ?? deps.configuredUrl(path)).replace(/\/+$/, '');
  const parts = await deps.loadGolden(values.bundle ?? deps.configuredBundle(path));
  const { manifest, golden } = parts;
  const serves = await askHealth(deps, url);
  const wanted = `${manifest.name}@${manifest.version}`;
  if (serves !== wanted) {
    throw new SidecarError(
      'CHECK_FAILED',
      `${url} serves ${serves}, the golden windows are those of ${wanted}; name its bundle with --bundle.`,
    );
  }
  const results: WindowResult[] = [];
  for (const window of golden.windows) results.push(await sendWindow(deps, url, window, parts));
  const isOk = results.every((result) => result.ok);
  if (values.json) io.out(JSON.stringify({ ok: isOk, url, model: wanted, windows: results }, null, 2));
  else print(io, url, wanted, results);
  return isOk ? 0 : 1;
}

async function askHealth(deps: SelftestDeps, url: string): Promise<string> {
  const response = await call(deps, `${url}/healthz`, {});
  const health = await readHealth(response, url);
  if (!health.ok) throw new SidecarError('UNAVAILABLE', `The daemon at ${url} is not healthy: ${health.reason}`);
  return `${health.model}@${health.model_version}`;
}

interface Health {
  readonly ok: boolean;
  readonly model: string;
  readonly model_version: string;
  readonly reason?: string;
}

async function readHealth(response: Response, url: string): Promise<Health> {
  try {
    return (await response.json()) as Health;
  } catch (cause) {
    const sentence = `What answers at ${url} is not this daemon: its /healthz is no JSON. Name the address with --url.`;
    throw new SidecarError('UNAVAILABLE', sentence, { cause });
  }
}

/** A window goes to /infer where it has motif scores to compare, else to /encode. */
async function sendWindow(
  deps: SelftestDeps,
  url: string,
  window: Golden['windows'][number],
  parts: Parameters<typeof toleranceOf>[0],
): Promise<WindowResult> {
  const path = window.motif_scores === null ? '/encode' : '/infer';
  const startAt = performance.now();
  const response = await call(deps, url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ x: window.x }),
  });
  const milliseconds = performance.now() - startAt;
  if (response.status !== 200) {
    const sentence = `${url}${path} answered ${response.status} for the golden window "${window.name}": ${await response.text()}`;
    throw new SidecarError('CHECK_FAILED', sentence);
  }
  const { cosine, maxAbs } = compareAnswer((await response.json()) as Answer, window);
  const backend = response.headers.get('x-backend') ?? '';
  const tolerance = toleranceOf(parts, backend);
  const ok = cosine >= tolerance.cosine && maxAbs <= tolerance.abs;
  return { window: window.name, ok, cosine, maxAbs, milliseconds, backend };
}

interface Answer {
  readonly latent?: readonly number[];
  readonly latent_embedding?: readonly number[];
  readonly motif_scores?: readonly number[];
}

/** The worse of latent and scores. */
function compareAnswer(answer: Answer, window: Golden['windows'][number]): Difference {
  const latent = compareLists(answer.latent ?? answer.latent_embedding ?? [], window.latent);
  const scores = compareLists(answer.motif_scores ?? [], window.motif_scores ?? []);
  return { cosine: Math.min(latent.cosine, scores.cosine), maxAbs: Math.max(latent.maxAbs, scores.maxAbs) };
}

function compareLists(found: readonly number[], expected: readonly number[]): Difference {
  return compareVectors(Float32Array.from(found), Float32Array.from(expected));
}

async function call(deps: SelftestDeps, url: string, init: RequestInit): Promise<Response> {
  try {
    return await deps.fetch(url, { ...init, signal: AbortSignal.timeout(5000) });
  } catch (cause) {
    const reason = messageOf((cause as Error).cause ?? cause);
    throw new SidecarError(
      'UNAVAILABLE',
      `No daemon answers at ${url} (${reason}). Start it, or name its address with --url.`,
      { cause },
    );
  }
}

function print(io: Io, url: string, model: string, results: readonly WindowResult[]): void {
  io.out(`${model} at ${url}`);
  const rows = results.map((r) => [
    r.ok ? '✓' : '✗',
    r.window,
    `cosine ${r.cosine.toFixed(7)}`,
    `largest difference ${r.maxAbs.toExponential(1)}`,
    `${r.milliseconds.toFixed(1)} ms`,
    r.backend,
  ]);
  for (const line of toTable(rows)) io.out(line);
}
