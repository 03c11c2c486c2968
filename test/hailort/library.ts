import koffi from 'koffi';

type Handle = unknown;
type Status = number;
type Async<A extends unknown[]> = (...args: A) => Promise<Status>;

/* Files with a header of v2 and later need it; koffi takes it only before the first load. */
koffi.config({ async_stack_size: 1 << 20 });
const notificationCallback = koffi.proto('void StandInNotification(void *, const void *, void *)');

/** The few calls that the stand-in's own test makes, with structs as raw bytes, so that it trusts no table of ours. */
export function openLibrary(path: string) {
  const library = koffi.load(path);
  const call = <A extends unknown[]>(name: string, args: string) =>
    library.func(`int ${name}(${args})`) as unknown as ((...args: A) => Status) & {
      async: (...args: [...A, (error: Error | null, status: Status) => void]) => void;
    };
  const wait =
    <A extends unknown[]>(f: ReturnType<typeof call<A>>): Async<A> =>
    (...args) =>
      new Promise((resolve, reject) => f.async(...args, (error, status) => (error ? reject(error) : resolve(status))));
  const handleOf = '_Out_ void **';
  const read = call<[Handle, Buffer, number]>('hailo_vstream_read_raw_buffer', 'void *, void *, size_t');
  const write = call<[Handle, Buffer, number]>('hailo_vstream_write_raw_buffer', 'void *, void *, size_t');
  const releaseOutputs = call<[Handle[], number]>('hailo_release_output_vstreams', 'void **, size_t');
  const releaseInputs = call<[Handle[], number]>('hailo_release_input_vstreams', 'void **, size_t');
  const handles = `${handleOf}, _Inout_ size_t *`;
  return {
    version: call<[Buffer]>('hailo_get_library_version', 'void *'),
    statusName: library.func('const char *hailo_get_status_message(int)') as unknown as (
      status: Status,
    ) => string | null,
    scan: call<[null, Buffer, number[]]>('hailo_scan_devices', 'void *, void *, _Inout_ size_t *'),
    initVdeviceParams: call<[Buffer]>('hailo_init_vdevice_params', 'void *'),
    createVdevice: call<[Buffer | null, Handle[]]>('hailo_create_vdevice', `void *, ${handleOf}`),
    releaseVdevice: call<[Handle]>('hailo_release_vdevice', 'void *'),
    physicalDevices: call<[Handle, Handle[], number[]]>('hailo_get_physical_devices', `void *, ${handles}`),
    createDevice: call<[Buffer | null, Handle[]]>('hailo_create_device_by_id', `void *, ${handleOf}`),
    releaseDevice: call<[Handle]>('hailo_release_device', 'void *'),
    identify: call<[Handle, Buffer]>('hailo_identify', 'void *, void *'),
    extended: call<[Handle, Buffer]>('hailo_get_extended_device_information', 'void *, void *'),
    temperature: call<[Handle, Buffer]>('hailo_get_chip_temperature', 'void *, void *'),
    power: call<[Handle, number, number, Buffer]>('hailo_power_measurement', 'void *, int, int, void *'),
    hefFile: call<[Handle[], string]>('hailo_create_hef_file', `${handleOf}, const char *`),
    hefBuffer: call<[Handle[], Buffer, number]>('hailo_create_hef_buffer', `${handleOf}, void *, size_t`),
    releaseHef: call<[Handle]>('hailo_release_hef', 'void *'),
    vstreamInfos: call<[Handle, null, Buffer, number[]]>(
      'hailo_hef_get_all_vstream_infos',
      'void *, const char *, void *, _Inout_ size_t *',
    ),
    configureParams: call<[Handle, number, Buffer]>('hailo_init_configure_params', 'void *, int, void *'),
    configure: call<[Handle, Handle, Buffer | null, Handle[], number[]]>(
      'hailo_configure_vdevice',
      `void *, void *, void *, ${handles}`,
    ),
    inputParams: call<[Handle, boolean, number, Buffer, number[]]>(
      'hailo_make_input_vstream_params',
      'void *, bool, int, void *, _Inout_ size_t *',
    ),
    outputParams: call<[Handle, boolean, number, Buffer, number[]]>(
      'hailo_make_output_vstream_params',
      'void *, bool, int, void *, _Inout_ size_t *',
    ),
    createInputs: call<[Handle, Buffer, number, Handle[]]>(
      'hailo_create_input_vstreams',
      `void *, void *, size_t, ${handleOf}`,
    ),
    createOutputs: call<[Handle, Buffer, number, Handle[]]>(
      'hailo_create_output_vstreams',
      `void *, void *, size_t, ${handleOf}`,
    ),
    frameSize: call<[Handle, number[]]>('hailo_get_output_vstream_frame_size', 'void *, _Out_ size_t *'),
    quantInfos: call<[Handle, Buffer, number[]]>(
      'hailo_get_output_vstream_quant_infos',
      'void *, void *, _Inout_ size_t *',
    ),
    setNotification: (device: Handle, callback: (bytes: Buffer) => void, id: number) =>
      library.func('int hailo_set_notification_callback(void *, void *, int, void *)')(
        device,
        koffi.register(
          (_: unknown, notification: unknown) => callback(Buffer.from(koffi.decode(notification, 'uint8_t', 28))),
          koffi.pointer(notificationCallback),
        ),
        id,
        null,
      ),
    removeNotification: call<[Handle, number]>('hailo_remove_notification_callback', 'void *, int'),
    read: wait(read),
    write: wait(write),
    writeNow: write,
    shutdown: call<[Handle]>('hailo_shutdown_network_group', 'void *'),
    activate: call<[Handle, null, Handle[]]>('hailo_activate_network_group', `void *, void *, ${handleOf}`),
    priority: call<[Handle, number, null]>('hailo_set_scheduler_priority', 'void *, uint8_t, const char *'),
    releaseInputs,
    releaseOutputs,
    releaseOutputsSlowly: wait(releaseOutputs),
  };
}

export type Library = ReturnType<typeof openLibrary>;
