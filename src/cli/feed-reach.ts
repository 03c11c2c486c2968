import type { ClientListener, ClientSocket } from '../system/websocket.ts';
import type { Reach } from './selftest.ts';

/** How a command asks the running daemon, and opens a WebSocket to it by the same rules. */
export interface StreamReach extends Reach {
  /** Rejects with UNAUTHORIZED and what to do, with UpgradeRefused, with what the network says, or when the signal ends it. */
  connect(path: string, protocol: string, listener: ClientListener, signal?: AbortSignal): Promise<ClientSocket>;
}
