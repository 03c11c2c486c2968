import { Type } from 'typebox';
import { AbsolutePath, closed, flag, matching, oneOf, orNull, whole } from './fields.ts';

const DEVICE_PATTERN = '^([0-9]{1,3}|hailo[0-9]{1,3}|([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7])$';

const Hailo = Type.Object(
  {
    library: orNull(AbsolutePath, {
      default: null,
      description: 'The path of libhailort. Null: the usual places are searched.',
    }),
    device_id: orNull(
      Type.Union([
        Type.Integer({ minimum: 0, maximum: 999 }),
        matching(DEVICE_PATTERN, 'a device: N, hailoN or a PCIe address such as 0000:01:00.0', 32),
      ]),
      {
        default: null,
        description: 'The device to use: N, hailoN or a PCIe address such as 0000:01:00.0. Null: the first one.',
      },
    ),
    multi_process_service: flag({
      default: false,
      description: "Whether the device is shared with other programs through HailoRT's multi-process service.",
    }),
    timeout_ms: whole(1, 60000, {
      default: 1000,
      description: 'How long one inference on the device may take, in milliseconds, before the device counts as lost.',
    }),
    batch_size: whole(1, 1024, { default: 1, description: 'How many windows are given to the device at a time.' }),
    temperature_warning_celsius: Type.Number({
      minimum: -40,
      maximum: 150,
      default: 70,
      description: 'From this chip temperature on, in °C, the log warns.',
    }),
    temperature_critical_celsius: Type.Number({
      minimum: -40,
      maximum: 150,
      default: 85,
      description: 'From this chip temperature on, in °C, the device counts as overheated.',
    }),
    probe_interval_s: whole(1, 86400, {
      default: 30,
      description: 'How often a lost device is tried again, in seconds.',
    }),
  },
  closed,
);

/** The keys under `backend`. */
export const Backend = Type.Object(
  {
    kind: oneOf(['auto', 'hailo', 'cpu', 'stub'], {
      default: 'auto',
      description:
        'Where windows are computed. auto: the Hailo device when there is one, else the CPU. stub invents its answers and is for tests of clients only.',
    }),
    keep_alive_s: whole(-1, 31536000, {
      default: -1,
      description:
        'When an idle model is released: -1 never, 0 after each burst of requests, N after N seconds without one.',
    }),
    hailo: Hailo,
    cpu: Type.Object(
      {
        threads: whole(1, 64, {
          default: 1,
          description: 'How many windows the CPU computes at a time, each in a thread of its own.',
        }),
      },
      closed,
    ),
  },
  closed,
);
