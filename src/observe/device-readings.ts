import { Counter, Gauge, type Registry } from 'prom-client';

/** What a device says of itself; null where it does not say. */
export interface DeviceReadings {
  /** As a person names it, e.g. hailo0. */
  readonly id: string;
  readonly temperaturesCelsius: readonly number[];
  readonly powerWatts: number | null;
  readonly clockHz: number | null;
  /** 0 to 1 */
  readonly utilisation: number | null;
  readonly windowMs: number | null;
  readonly restarts: number;
  readonly events: Readonly<Record<string, number>>;
}

interface Sample {
  readonly value: number | null;
  readonly labels?: Readonly<Record<string, string>>;
}

type Family = readonly [
  name: string,
  help: string,
  samples: (device: DeviceReadings) => readonly Sample[],
  labelNames?: readonly string[],
];

const one = (value: number | null): readonly Sample[] => [{ value }];
const percent = (share: number | null) => (share === null ? null : share * 100);

const GAUGES: readonly Family[] = [
  [
    'hailo_device_temperature_celsius',
    'Temperature of the device by sensor.',
    (device) => device.temperaturesCelsius.map((value, i) => ({ value, labels: { sensor: `ts${i}` } })),
    ['sensor'],
  ],
  [
    'hailo_device_utilization_percent',
    'Share of the last interval with a window inside the device.',
    ({ utilisation }) => one(percent(utilisation)),
  ],
  ['hailo_device_power_watts', 'Power, where the board can tell.', ({ powerWatts }) => one(powerWatts)],
  [
    'hailo_device_window_seconds',
    'What a window took inside the device, in the last interval.',
    ({ windowMs }) => one(windowMs === null ? null : windowMs / 1000),
  ],
  ['hailo_device_clock_hertz', 'Clock of the core that computes networks.', ({ clockHz }) => one(clockHz)],
];

const COUNTERS: readonly Family[] = [
  ['hailo_device_restarts_total', 'How often the device was opened again.', ({ restarts }) => one(restarts)],
  [
    'hailo_device_events_total',
    'What the device reported by itself, by kind.',
    ({ events }) => Object.entries(events).map(([event, value]) => ({ value, labels: { event } })),
    ['event'],
  ],
];

/** Asked at each scrape; a value that is not known is absent, never zero. */
export function registerDeviceReadings(registers: Registry[], read: () => DeviceReadings | null): void {
  for (const [name, help, samples, labelNames = []] of GAUGES) {
    new Gauge({
      ...{ name, help, registers, labelNames: ['device_id', ...labelNames] },
      collect() {
        this.reset();
        each(read(), samples, (labels, value) => this.set(labels, value));
      },
    });
  }
  for (const [name, help, samples, labelNames = []] of COUNTERS) {
    new Counter({
      ...{ name, help, registers, labelNames: ['device_id', ...labelNames] },
      collect() {
        this.reset();
        each(read(), samples, (labels, value) => this.inc(labels, value));
      },
    });
  }
}

function each(
  device: DeviceReadings | null,
  samples: Family[2],
  use: (labels: Record<string, string>, value: number) => void,
): void {
  if (device === null) return;
  for (const { value, labels } of samples(device)) {
    if (value !== null) use({ device_id: device.id, ...labels }, value);
  }
}
