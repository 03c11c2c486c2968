import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { ROOT } from '../../e2e/launch.ts';
import type { Container } from './run.ts';

const WALK = join(ROOT, 'packaging/models/default/examples/walk.json');
const DEFAULT_URL = 'http://127.0.0.1:9000';

export interface Answer {
  /** 0 when nobody answered. */
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** What is answered at a URL of the container's own network. */
export function ask(container: Container, url: string, ...options: string[]): Answer {
  const { stdout, stderr } = container.onNet('curl', '-sS', '-m', '8', '-w', '\n%{http_code}', ...options, url);
  const at = stdout.lastIndexOf('\n');
  if (at <= 0) return { status: 0, body: { stderr } };
  return { status: Number(stdout.slice(at + 1)), body: JSON.parse(stdout.slice(0, at)) };
}

/** Waits until somebody answers; rejects with the container's output when it ends before. */
export async function untilAnswering(container: Container, url = DEFAULT_URL): Promise<Answer> {
  let hasEnded = false;
  container.ended.then(() => {
    hasEnded = true;
  });
  for (;;) {
    const answer = ask(container, `${url}/healthz`);
    if (answer.status !== 0) return answer;
    if (hasEnded) throw new Error(`The container has ended: ${JSON.stringify(await container.ended)}`);
    await passed(50);
  }
}

/** The packaged example of a walk, posted to /infer. */
export function infer(container: Container, url = DEFAULT_URL): Answer {
  return ask(container, `${url}/infer`, '-H', 'content-type: application/json', '-d', `@${WALK}`);
}
