import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** What one client sends again and again. */
export interface Ask {
  /** Content-Length is put with them. */
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  /** Why this is not the right answer; null when it is. */
  judge(body: Buffer, headers: IncomingHttpHeaders): string | null;
}

export interface Tally {
  readonly asked: number;
  /** One line for each request without the right answer. */
  readonly failed: readonly string[];
  readonly connections: number;
  /** Sorted. */
  readonly latenciesMs: readonly number[];
}

export interface Load {
  /** Ends it when every answer has come. */
  stop(): Promise<Tally>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly isNew: boolean;
}

/** Closed-loop load: each of the clients has one connection that it keeps, and asks, waits for the answer, rests a little. */
export function startLoad(url: string, asks: readonly Ask[], clients: number, restMs: number): Load {
  const tally = { asked: 0, failed: [] as string[], connections: 0, latenciesMs: [] as number[] };
  let isOver = false;
  const client = async (ask: Ask) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isOver) {
      const since = performance.now();
      tally.asked += 1;
      const answer = await post(agent, url, ask).catch((thrown: Error) => thrown);
      const why = complaint(ask, answer);
      if (why !== null) tally.failed.push(why);
      if (answer instanceof Error || answer.isNew) tally.connections += 1;
      tally.latenciesMs.push(performance.now() - since);
      await pause(restMs);
    }
    agent.destroy();
  };
  const all = Promise.all(Array.from({ length: clients }, (_, i) => client(asks[i % asks.length]!)));
  return {
    stop: async () => {
      isOver = true;
      await all;
      tally.latenciesMs.sort((a, b) => a - b);
      return tally;
    },
  };
}

function complaint(ask: Ask, answer: Answer | Error): string | null {
  if (answer instanceof Error) return answer.message;
  return answer.status === 200 ? ask.judge(answer.body, answer.headers) : `${answer.status} ${answer.body}`;
}

function post(agent: Agent, url: string, { headers, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('error', reject);
        reply.on('end', () =>
          resolve({
            status: reply.statusCode ?? 0,
            headers: reply.headers,
            body: Buffer.concat(chunks),
            isNew: !asked.reusedSocket,
          }),
        );
      },
    );
    asked.on('error', reject);
    asked.write(body.subarray(0, body.length / 2));
    setImmediate(() => asked.end(body.subarray(body.length / 2))); // in pieces, as from a network
  });
}
