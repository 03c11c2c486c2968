import type { DeviceEvent, DeviceIdentity } from './vdevice.ts';
import type { CrossingSource } from './vstreams.ts';

/** The first frame to a host: everything it needs, before it loads anything. */
export interface OpenRequest {
  readonly type: 'open';
  readonly library: string | null;
  readonly hefPath: string;
  readonly hefSha256: string;
  readonly source: CrossingSource;
  readonly deviceId: string | null;
  readonly timeoutMs: number;
  readonly batchSize: number;
  readonly multiProcessService: boolean;
}

export type ToHost = OpenRequest | { readonly type: 'measure' } | { readonly type: 'close' };

/** What opening goes through, in this order; a host tells each one that it has behind it. */
export const STEPS = ['library', 'hef', 'device', 'firmware', 'network'] as const;
export type Step = (typeof STEPS)[number];

/** What went wrong, fit to cross: a SidecarError or HailoError taken apart. */
export interface Fault {
  readonly code: 'MODEL_INVALID' | 'BACKEND_UNAVAILABLE';
  readonly message: string;
  /** Of the library, when one of its calls failed. */
  readonly status: number | null;
}

/** What the chip and its pipeline said when they were asked. */
export interface Measurement {
  readonly temperaturesCelsius: readonly number[];
  readonly powerWatts: number | null;
  readonly clockHz: number | null;
  /** Milliseconds with a window inside the device, and windows computed, since the host began. */
  readonly busyMs: number;
  readonly windows: number;
}

export type FromHost =
  | {
      readonly type: 'ready';
      readonly identity: DeviceIdentity;
      readonly library: string;
      readonly isTransposed: boolean;
    }
  | { readonly type: 'step'; readonly step: Step; readonly text: string }
  | { readonly type: 'failed'; readonly fault: Fault }
  /** The chip reported it by itself. */
  | { readonly type: 'event'; readonly event: DeviceEvent }
  /** The session is over: nothing in flight will be answered. */
  | { readonly type: 'lost'; readonly fault: Fault }
  | ({ readonly type: 'measured' } & Measurement)
  | { readonly type: 'closed' };
