import { Counter, Gauge, type Registry } from 'prom-client';
import type { StreamTotals } from '../core/streams.ts';
import { type DeviceReadings, registerDeviceReadings } from './device-readings.ts';
import { registerStreamReadings } from './stream-readings.ts';
import { type RolloutReadings, readingsOf, registerVersionReadings } from './version-readings.ts';

/** Figures that are read at each scrape instead of being pushed; a null is left out of the page. */
export interface Readings extends RolloutReadings {
  readonly waiting: number | null;
  readonly waitingInBatches: number | null;
  readonly inFlight: number | null;
  readonly oldestMs: number | null;
  /** Since the model that serves was loaded; null without one. */
  readonly drops: { readonly refused: number; readonly dropped: number } | null;
  readonly backend: string;
  /** Of the latest golden run; null before the first. */
  readonly golden: { readonly cosine: number; readonly backend: string } | null;
  /** null: there is no device, or it has said nothing yet. */
  readonly device: DeviceReadings | null;
  /** null: the task has none. */
  readonly streams: StreamTotals | null;
  readonly isDegraded: boolean;
  /** Unix time; null without TLS. */
  readonly certificateExpiresAtMs: number | null;
  /** null: the configuration on disk cannot be compared (no YAML behind the one in force). */
  readonly configOk: { readonly ok: boolean; readonly expected: string; readonly actual: string } | null;
}

/** Gauges that ask for their value at each scrape; `read` is called by each of them. */
export function registerReadings(registers: Registry[], read: () => Readings): void {
  const reading = readingsOf(registers, read);
  reading('hailo_queue_waiting', 'Windows waiting for the backend.', (now) => now.waiting);
  reading(
    'hailo_queue_waiting_in_batches',
    'Those of them that came in batches, or whose clients wait longer than usual.',
    (now) => now.waitingInBatches,
  );
  reading('hailo_queue_in_flight', 'Windows inside the backend.', (now) => now.inFlight);
  reading('hailo_queue_oldest_seconds', 'Age of the oldest waiting window.', (now) =>
    now.oldestMs === null ? null : now.oldestMs / 1000,
  );
  new Counter({
    name: 'hailo_queue_drops_total',
    help: 'Windows without an answer by the queue: refused at once, or dropped after waiting (deadline, client gone); anew with each model.',
    labelNames: ['when'] as const,
    registers,
    collect() {
      this.reset();
      const { drops } = read();
      if (drops === null) return;
      this.inc({ when: 'at_once' }, drops.refused);
      this.inc({ when: 'waiting' }, drops.dropped);
    },
  });
  reading('hailo_degraded', '1 while less is in force than was asked for.', (now) => (now.isDegraded ? 1 : 0));
  reading(
    'hailo_tls_certificate_expiry_timestamp_seconds',
    'Unix time at which the TLS certificate in force expires.',
    (now) => (now.certificateExpiresAtMs === null ? null : now.certificateExpiresAtMs / 1000),
  );
  new Gauge({
    name: 'hailo_golden_cosine',
    help: 'Worst cosine between the latest golden run and what the ONNX gave, by the backend that answered.',
    labelNames: ['backend'] as const,
    registers,
    collect() {
      this.reset();
      const { golden } = read();
      if (golden !== null) this.set({ backend: golden.backend }, golden.cosine);
    },
  });
  new Gauge({
    name: 'hailo_backend_active',
    help: 'The backend that computes; always 1.',
    labelNames: ['backend'] as const,
    registers,
    collect() {
      this.reset();
      this.set({ backend: read().backend }, 1);
    },
  });
  new Gauge({
    name: 'hailo_config_ok',
    help: '1 when the configuration on disk is the one in force and the model meets its expectations.',
    labelNames: ['expected', 'actual'] as const,
    registers,
    collect() {
      this.reset();
      const config = read().configOk;
      if (config !== null) this.set({ expected: config.expected, actual: config.actual }, config.ok ? 1 : 0);
    },
  });
  registerVersionReadings(registers, read);
  registerDeviceReadings(registers, () => read().device);
  registerStreamReadings(registers, () => read().streams);
}
