/** hailo_status by number, without the prefix HAILO_; numbers never moved between 4.17 and 5.2, names were only appended. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'SUCCESS',
  1: 'UNINITIALIZED',
  2: 'INVALID_ARGUMENT',
  3: 'OUT_OF_HOST_MEMORY',
  4: 'TIMEOUT',
  5: 'INSUFFICIENT_BUFFER',
  6: 'INVALID_OPERATION',
  7: 'NOT_IMPLEMENTED',
  8: 'INTERNAL_FAILURE',
  13: 'OPEN_FILE_FAILURE',
  14: 'FILE_OPERATION_FAILURE',
  16: 'UNSUPPORTED_FW_VERSION',
  18: 'FW_CONTROL_FAILURE',
  26: 'INVALID_HEF',
  28: 'INTERRUPTED_BY_SIGNAL',
  36: 'DRIVER_OPERATION_FAILED',
  57: 'SHUTDOWN_EVENT_SIGNALED',
  61: 'NOT_FOUND',
  62: 'COMMUNICATION_CLOSED',
  63: 'STREAM_ABORT',
  64: 'DRIVER_NOT_INSTALLED',
  69: 'NETWORK_GROUP_NOT_ACTIVATED',
  72: 'STREAM_NOT_ACTIVATED',
  73: 'DEVICE_IN_USE',
  74: 'OUT_OF_PHYSICAL_DEVICES',
  75: 'INVALID_DEVICE_ARCHITECTURE',
  76: 'INVALID_DRIVER_VERSION',
  77: 'RPC_FAILED',
  78: 'INVALID_SERVICE_VERSION',
  79: 'NOT_SUPPORTED',
  81: 'OUT_OF_HOST_CMA_MEMORY',
  82: 'QUEUE_IS_FULL',
  85: 'DRIVER_INVALID_RESPONSE',
  86: 'DRIVER_INVALID_IOCTL',
  87: 'DRIVER_TIMEOUT',
  88: 'DRIVER_INTERRUPTED',
  89: 'CONNECTION_REFUSED',
  90: 'DRIVER_WAIT_CANCELED',
  91: 'HEF_FILE_CORRUPTED',
  92: 'HEF_NOT_SUPPORTED',
  93: 'HEF_NOT_COMPATIBLE_WITH_DEVICE',
  94: 'INVALID_HEF_USE',
  95: 'OPERATION_ABORTED',
  96: 'DEVICE_NOT_CONNECTED',
  97: 'DEVICE_TEMPORARILY_UNAVAILABLE',
};

/** The name that Hailo's documentation uses, e.g. HAILO_TIMEOUT. */
export function statusName(status: number): string {
  const name = NAMES[status];
  return name === undefined ? `status ${status}` : `HAILO_${name}`;
}

const APT = 'install driver and library of one version (on Raspberry Pi OS: apt full-upgrade, then reboot)';

/** Statuses whose cause and remedy do not depend on the call that gave them; one sentence each. */
const CAUSES: Readonly<Record<number, string>> = {
  4: 'The device did not answer in time. Look for heat and PCIe errors (dmesg | grep -i hailo); if it persists, power-cycle the machine.',
  16: `The firmware on the chip does not fit the library: ${APT}.`,
  18: 'The firmware refused a control message; if it persists, power-cycle the machine.',
  26: 'The library does not accept the .hef; compile it with a compiler of the same generation as the library.',
  36: 'The driver refused (no node, no permission, or no firmware): check that this user may open /dev/hailo0 (udev rule, group hailo) and that the firmware is loaded (dmesg | grep -i hailo).',
  63: 'The device was lost in the middle of its work (reset, heat, power or PCIe); dmesg | grep -i hailo says more.',
  64: 'The driver is not loaded: install hailort-pcie-driver (on Raspberry Pi OS: hailo-all) and reboot.',
  73: 'Another program has the device: stop it, or let both use the multi-process service (backend.hailo.multi_process_service).',
  74: 'No free Hailo device: there is none, or another program has it. hailortcli scan lists devices; stop the other program, or use backend.hailo.multi_process_service.',
  75: 'The device is not of the architecture that was asked for.',
  76: `Driver and library are of different versions, which must be equal to the last number: ${APT}.`,
  77: 'The HailoRT service went away: systemctl status hailort.service.',
  78: 'The HailoRT service is of another version than the library: upgrade both, then systemctl restart hailort.service.',
  79: 'This library does not serve this chip: Hailo-8 needs HailoRT 4.x, Hailo-10H and Hailo-15 need 5.x.',
  81: 'The kernel has no contiguous memory left for the device: raise cma= on the kernel command line, or reboot.',
  85: `The driver is much older than the library: ${APT}.`,
  86: 'The node does not belong to a Hailo driver, or to one of another generation: check which module is loaded (lsmod | grep hailo).',
  87: 'The driver waited in vain for the chip; if it persists, power-cycle the machine.',
  91: 'The library says the .hef is damaged, though its checksum is right: the library may be older than the compiler; upgrade it.',
  92: 'The .hef is of a format that this library does not know: upgrade the library, or compile the model again.',
  93: 'The .hef is compiled for another chip: compile the model for the chip that is there.',
};

/** What went wrong in which call, why, and what to do. */
export function explainStatus(call: string, status: number): string {
  if (status === 7 && call.includes('configure')) {
    return `${call}: ${statusName(status)}. HailoRT 5 cannot run inference on a Hailo-10H through its C interface, so this chip is not served.`;
  }
  if (status === 8 && call.includes('configure')) {
    return `${call}: ${statusName(status)}. On a Raspberry Pi 5 the page size may be too large for the driver: put "options hailo_pci force_desc_page_size=4096" into /etc/modprobe.d/hailo.conf and reboot.`;
  }
  if (status === 6 && call === 'hailo_create_vdevice') {
    return `${call}: ${statusName(status)}. The chip has no firmware (see dmesg | grep -i hailo; install hailofw), or the service was asked for that this library was built without.`;
  }
  return `${call}: ${statusName(status)}. ${CAUSES[status] ?? 'See dmesg | grep -i hailo, and the documentation of HailoRT.'}`;
}
