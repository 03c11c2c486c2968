"""probe.py NAME...: tries what a hardened service must not be able to do; prints "NAME allowed|refused WHY" for each."""
import ctypes
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
STATE = os.environ.get('STATE_DIRECTORY', '/var/lib/probe')


class Refused(Exception):
    pass


def call(function, *arguments):
    if function(*arguments) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def write(path):
    with open(path, 'w') as file:
        file.write('x')


def read(path):
    with open(path) as file:
        return file.read()


def open_device(path):
    os.close(os.open(path, os.O_RDWR))


def execute_copy(directory):
    path = f'{directory}/probe-true'
    shutil.copy('/bin/true', path)
    try:
        subprocess.run([path], check=True)
    finally:
        os.remove(path)


def connect(host, port):
    socket.create_connection((host, port), 2).close()


def set_suid():
    path = f'{STATE}/suid'
    write(path)
    os.chmod(path, 0o4755)
    if not os.stat(path).st_mode & 0o4000:
        raise Refused('the bit was dropped')


def in_child(function):
    """In a process of its own, because it cannot be taken back."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or 255)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        raise OSError(code, os.strerror(code))


def own_cgroup():
    for line in read('/proc/self/cgroup').splitlines():
        number, name, path = line.split(':', 2)
        if name == 'name=systemd':
            return f'/sys/fs/cgroup/systemd{path}'
        if number == '0' and not os.path.exists('/sys/fs/cgroup/systemd'):
            return f'/sys/fs/cgroup{path}'
    raise AssertionError('no cgroup')


def make_cgroup():
    path = f'{own_cgroup()}/probe'
    os.mkdir(path)
    os.rmdir(path)


def whole_uid_map():
    if read('/proc/self/uid_map').split() != ['0', '0', '4294967295']:
        raise Refused('only some users are mapped')


def foreign_ipc():
    call(libc.shmget, int(os.environ['PROBE_IPC'], 16), 0, 0)


def change_owner():
    path = f'{STATE}/chown'
    write(path)
    os.chown(path, 1, 1)


def gain_root():
    said = subprocess.run(['/usr/local/bin/suid-id', '-u'], capture_output=True, text=True, check=True).stdout.strip()
    if said != '0':
        raise Refused(f'setuid gave uid {said}')


def core_dump():
    resource.setrlimit(resource.RLIMIT_CORE, (1, max(1, resource.getrlimit(resource.RLIMIT_CORE)[1])))


def open_files(count):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = []
    try:
        for _ in range(count):
            opened.append(os.open('/dev/null', os.O_RDONLY))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def loose_umask():
    path = f'{STATE}/umask'
    if os.path.exists(path):
        os.remove(path)
    write(path)
    if os.stat(path).st_mode & 0o077 == 0:
        raise Refused('nobody else may read what it writes')


def start_threads(count):
    over = threading.Event()
    threads = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=over.wait)
            thread.start()
            threads.append(thread)
    finally:
        over.set()
        for thread in threads:
            thread.join()


def take_memory(megabytes):
    taken = bytearray(megabytes << 20)
    taken[::4096] = b'x' * len(taken[::4096])


NEWNS, NEWUSER, NO_RANDOM = 0x20000, 0x10000000, 0x40000
PROBES = {
    'write-etc': lambda: write('/etc/probe'),
    'write-state': lambda: write(f'{STATE}/x'),
    'read-home': lambda: read('/home/u/secret'),
    'read-tmp': lambda: read('/tmp/outside'),
    'exec-true': lambda: subprocess.run(['/bin/true'], check=True),
    'exec-state': lambda: execute_copy(STATE),
    'exec-runtime': lambda: execute_copy(os.environ.get('RUNTIME_DIRECTORY', '/run')),
    'exec-tmp': lambda: execute_copy('/tmp'),
    'exec-shm': lambda: execute_copy('/dev/shm'),
    'open-chip': lambda: open_device('/dev/hailo0'),
    'open-other-device': lambda: open_device('/dev/hailo9'),
    'raw-socket': lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
    'packet-socket': lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    'netlink': lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    'connect-outside': lambda: connect('10.99.0.1', 9),
    'affinity': lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    'mount': lambda: in_child(lambda: (call(libc.mount, b'x', b'/mnt', b'tmpfs', 0, None), call(libc.umount, b'/mnt'))),
    'chroot': lambda: in_child(lambda: os.chroot('/')),
    'suid-file': set_suid,
    'new-user-namespace': lambda: in_child(lambda: call(libc.unshare, NEWUSER)),
    'new-mount-namespace': lambda: in_child(lambda: call(libc.unshare, NEWNS)),
    'personality': lambda: in_child(lambda: call(libc.personality, NO_RANDOM)),
    'hostname': lambda: (lambda name: call(libc.sethostname, name, len(name)))(socket.gethostname().encode()),
    'cgroup': make_cgroup,
    'foreign-proc': lambda: read('/proc/1/status'),
    'whole-uid-map': whole_uid_map,
    'foreign-ipc': foreign_ipc,
    'chown': change_owner,
    'gain-root': gain_root,
    'core-dump': core_dump,
    'files-9000': lambda: open_files(9000),
    'loose-umask': loose_umask,
    'threads-100': lambda: start_threads(100),
    'memory-700': lambda: take_memory(700),
}

for name in sys.argv[1:]:
    try:
        PROBES[name]()
        print(name, 'allowed', flush=True)
    except BaseException as error:
        print(name, 'refused', f'{type(error).__name__}: {error}', flush=True)
