import { join } from 'node:path';
import type { Test } from 'tap';
import { restWindow, startTestDaemon, type TestDaemon } from './daemon.ts';
import { askModelCommand } from './model-command.ts';

/** A daemon with a store of its own, and the commands that an operator types. */
export interface Box extends TestDaemon {
  readonly store: string;
  model(...argv: string[]): ReturnType<typeof askModelCommand>;
  post(body: string, query?: string): Promise<Response>;
  infer(headers?: Record<string, string>): Promise<{ status: number; model: string | null; latent: number }>;
}

export const BASE = 'server: {port: 0}\nbackend: {kind: cpu}\n';

export async function startBox(
  t: Test,
  rollout = 'probation_s: 300',
  store = join(t.testdir(), 'store'),
): Promise<Box> {
  const yaml = `${BASE}model: {store: ${store}}\nrollout: {${rollout}}\n`;
  const daemon = await startTestDaemon(t, { yaml });
  const infer: Box['infer'] = async (headers = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: WINDOW };
    const response = await fetch(`${daemon.url}/infer`, init);
    const body = (await response.json()) as { latent?: number[] };
    return { status: response.status, model: response.headers.get('x-model'), latent: body.latent?.[0] ?? Number.NaN };
  };
  const post: Box['post'] = (body, query = '') =>
    fetch(`${daemon.url}/infer${query}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return { ...daemon, store, post, infer, model: (...argv) => askModelCommand(daemon.configFile, ...argv) };
}

export const WINDOW = JSON.stringify({ x: restWindow() });

/** A sensor that hangs at its stop: accepted, and far from everything. */
export const STUCK = JSON.stringify({
  x: restWindow().map(() => [480, 480, 480, 33, 33, 33, 1900, 1900, 1900].map((stop) => stop + Math.random())),
});
/** What no model has an answer to. */
export const POISON = JSON.stringify({ x: restWindow().map((row) => row.map(() => 3e38)) });

export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 20));
}
