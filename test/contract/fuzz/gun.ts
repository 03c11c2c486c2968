import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { restWindow } from '../../fakes/daemon.ts';
import { NoReply, RawClient, type RawReply, type Target, toRequest } from '../../fakes/raw-client.ts';
import type { Shot } from './shot.ts';
import { BATCH_PATH, OCTETS } from './window-shots.ts';

/** Sends one request after another, on one connection for as long as the server keeps it. */
export class Gun {
  readonly #target: Target;
  #client: RawClient | null = null;

  constructor(target: Target) {
    this.#target = target;
  }

  /** @throws NoReply when none came in time, or the connection was closed without one */
  async send(request: Uint8Array): Promise<RawReply> {
    if (this.#client?.isOpen !== true) this.#client = await RawClient.open(this.#target);
    try {
      return await this.#client.ask(request);
    } catch (thrown) {
      this.#client.close(); // what comes late belongs to nobody
      throw thrown instanceof NoReply ? new Error(thrown.message) : thrown;
    }
  }

  fire(shot: Shot): Promise<RawReply> {
    return this.send(shot.toBytes());
  }

  close(): void {
    this.#client?.close();
  }
}

const PATIENT = [['x-request-timeout-ms', '5000']] as const;
const JSON_BODY = [...PATIENT, ['content-type', 'application/json']] as const;
const OCTET_BODY = [...PATIENT, ['content-type', OCTETS], ['accept', OCTETS]] as const;

function witnessRequests(): Buffer[] {
  const window = restWindow();
  const octets = Buffer.from(Float32Array.from(window.flat()).buffer);
  const text = (value: unknown) => Buffer.from(JSON.stringify(value));
  return [
    toRequest('POST', '/infer', JSON_BODY, text({ x: window })),
    toRequest('POST', '/encode', JSON_BODY, text({ imu_window: window })),
    toRequest('POST', '/infer', OCTET_BODY, octets),
    toRequest('POST', BATCH_PATH, JSON_BODY, text({ windows: [window, window.toReversed()] })),
    toRequest('POST', BATCH_PATH, OCTET_BODY, Buffer.concat([octets, octets, octets])),
  ];
}

/** Somebody else's client: it asks all the time, and must always get the same. */
export class Witness {
  readonly complaints: string[] = [];
  answers = 0;
  longestMs = 0;
  readonly #gun: Gun;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(target: Target) {
    this.#gun = new Gun(target);
    this.#running = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#gun.close();
  }

  async #watch(): Promise<void> {
    const requests = witnessRequests();
    const first: string[] = [];
    for (let i = 0; !this.#isOver; i = (i + 1) % requests.length) {
      const from = performance.now();
      const said = await this.#gun.send(requests[i]!).then(
        ({ status, body }) => `${status} ${body.toString('latin1')}`,
        (thrown: Error) => thrown.message,
      );
      this.longestMs = Math.max(this.longestMs, performance.now() - from);
      first[i] ??= said;
      if (said !== first[i] || !said.startsWith('200 ')) this.complaints.push(said.slice(0, 300));
      this.answers += 1;
      await sleep(3);
    }
  }
}

/** Open descriptors of this process, in which both ends are. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
