import { messageOf, SidecarError } from '../core/errors.ts';
import type { Golden, Manifest } from '../core/manifest.ts';
import { compareVectors, type Difference, toleranceOf } from '../models/golden.ts';
import { type Io, parseCommandLine, toTable } from './io.ts';
import { noDaemon } from './no-daemon.ts';

const HELP = `Usage: hailo-tcn-sidecar selftest [--url URL] [--token-file FILE] [--bundle DIR] [--config FILE] [--json]

Sends the golden windows of a bundle to a running daemon and compares what it answers.

--url URL          the daemon; the one of the configuration by default, by its Unix socket where this user may
--token-file FILE  the token that the daemon asks for; the service's by default, which root may read
--bundle DIR       the bundle whose golden windows are sent; the configured one by default
--config FILE      the configuration that says what is left out here`;

export interface SelftestDeps {
  /** The daemon at the URL, or where the URL is null the one of the configuration at `path`; null for the default places. */
  reach(url: string | null, path: string | null, tokenFile: string | null): Reach;
  /** Asked only when the command line names none. */
  configuredBundle(path: string | null): string;
  /** The manifest and golden windows of the bundle at `directory`. */
  loadGolden(directory: string): Promise<{ readonly manifest: Manifest; readonly golden: Golden }>;
}

/** How a command asks the running daemon. */
export interface Reach {
  /** For people: a URL, or the path of the Unix socket. */
  readonly place: string;
  /** Rejects when nobody answers; a refusal for want of a token rejects with UNAUTHORIZED and what to do. */
  ask(path: string, asked?: Asked): Promise<Response>;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
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
    'token-file': { type: 'string' },
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
  const reach = deps.reach(values.url ?? null, path, values['token-file'] ?? null);
  const url = reach.place;
  const parts = await deps.loadGolden(values.bundle ?? deps.configuredBundle(path));
  const { manifest, golden } = parts;
  const serves = await askHealth(reach);
  const wanted = `${manifest.name}@${manifest.version}`;
  if (serves !== wanted) {
    throw new SidecarError(
      'CHECK_FAILED',
      `${url} serves ${serves}, the golden windows are those of ${wanted}; name its bundle with --bundle.`,
    );
  }
  const results: WindowResult[] = [];
  for (const window of golden.windows) results.push(await sendWindow(reach, window, parts));
  const isOk = results.every((result) => result.ok);
  if (values.json) io.out(JSON.stringify({ ok: isOk, url, model: wanted, windows: results }, null, 2));
  else print(io, url, wanted, results);
  return isOk ? 0 : 1;
}

async function askHealth(reach: Reach): Promise<string> {
  const response = await call(reach, '/healthz', {});
  const url = reach.place;
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
  reach: Reach,
  window: Golden['windows'][number],
  parts: Parameters<typeof toleranceOf>[0],
): Promise<WindowResult> {
  const path = window.motif_scores === null ? '/encode' : '/infer';
  const startAt = performance.now();
  const response = await call(reach, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ x: window.x }),
  });
  const milliseconds = performance.now() - startAt;
  if (response.status !== 200) {
    const sentence = `${reach.place}${path} answered ${response.status} for the golden window "${window.name}": ${await response.text()}`;
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

async function call(reach: Reach, path: string, asked: Asked): Promise<Response> {
  try {
    return await reach.ask(path, asked);
  } catch (cause) {
    if (cause instanceof SidecarError) throw cause;
    throw noDaemon(reach.place, messageOf(cause), cause);
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
