import koffi from 'koffi';

/** A bound Unix datagram socket, which node:dgram does not offer: what systemd holds behind NOTIFY_SOCKET. */
export function bindDatagramSocket(path: string): { receive(): string; close(): void } {
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
  const recv = libc.func('int64_t recv(int fd, _Out_ uint8_t *buffer, size_t length, int flags)');
  const close = libc.func('int close(int fd)');
  const fd = socket(1, 2, 0); // AF_UNIX, SOCK_DGRAM
  const address = Buffer.alloc(110);
  address.writeUInt16LE(1, 0);
  address.write(path, 2);
  if (bind(fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`);
  return {
    receive: () => {
      const buffer = Buffer.alloc(4096);
      const bytes = Number(recv(fd, buffer, buffer.length, 0x40)); // MSG_DONTWAIT
      return bytes < 0 ? '' : buffer.toString('utf8', 0, bytes);
    },
    close: () => close(fd),
  };
}
