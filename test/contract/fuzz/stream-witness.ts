import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { StreamClient } from '../../fakes/stream-client.ts';
import { frame, rows } from '../../tasks/tcn/stream/connection.ts';

/** Samples after which they come again; windows begin at each hop. */
const [PERIOD, HOP] = [400, 25];
const samples = rows(0, PERIOD);
const PAUSE_MS = 5;

/** Somebody else's sensor: it sends all the while, and must get every window, with the bits of /infer. */
export class StreamWitness {
  readonly complaints: string[] = [];
  windows = 0;
  longestMs = 0;
  readonly #client: StreamClient;
  readonly #expected: readonly string[];
  #isOver = false;
  readonly #running: Promise<void>;

  private constructor(client: StreamClient, expected: readonly string[]) {
    this.#client = client;
    this.#expected = expected;
    this.#running = this.#watch();
  }

  static async open(t: Pick<Test, 'teardown'>, url: string): Promise<StreamWitness> {
    const expected: string[] = [];
    for (let from = 0; from < PERIOD; from += HOP) {
      const x = Array.from({ length: 100 }, (_, i) => samples[(from + i) % PERIOD]);
      const headers = { 'content-type': 'application/json' };
      const reply = await fetch(`${url}/infer`, { method: 'POST', headers, body: JSON.stringify({ x }) });
      expected.push(JSON.stringify(await reply.json()));
    }
    const client = await StreamClient.open(t, url);
    client.say({ type: 'hello', rate_hz: 100, hop: HOP, name: 'witness', outputs: { latent: true } });
    await client.until('ready');
    return new StreamWitness(client, expected);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #watch(): Promise<void> {
    const client = this.#client;
    client.send(frame(0, 0, rows(0, 100 - HOP)));
    for (let seq = 100 - HOP; !this.#isOver; seq += HOP) {
      const from = performance.now();
      const part = Array.from({ length: HOP }, (_, i) => samples[(seq + i) % PERIOD]!);
      client.send(frame(seq, seq * 10, part));
      client.messages.length = 0;
      while (client.messages.length === 0 && client.socket.readyState === client.socket.OPEN) await client.news();
      this.longestMs = Math.max(this.longestMs, performance.now() - from);
      this.#judge();
      if (client.socket.readyState !== client.socket.OPEN) return void this.complaints.push('it was closed');
      await sleep(PAUSE_MS);
    }
    client.say({ type: 'end' });
    const [code] = await client.closed;
    if (code !== 1000) this.complaints.push(`closed with ${code}`);
  }

  #judge(): void {
    for (const said of this.#client.messages) {
      const { type, window, dropped, latent, motif_scores } = said;
      const is = JSON.stringify({ latent, motif_scores });
      const isRight = type === 'result' && window === this.windows && dropped === 0;
      const isSame = is === this.#expected[window % this.#expected.length];
      if (!isRight || !isSame) this.complaints.push(JSON.stringify(said).slice(0, 300));
      this.windows += 1;
    }
  }
}
