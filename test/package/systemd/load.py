"""load.py EXAMPLES STOP [PORT [CLIENTS]]: posts the bundle's examples to /infer until the file STOP exists (60 s at most).

Prints one line: ok=N failed=N longest_gap_ms=N, and the kinds of failures. The gap is between two answers of 200, whoever
asked. A client keeps its connection; one that the server closed is opened anew, once, without counting, as any client does.
"""
import collections
import glob
import http.client
import os
import sys
import threading
import time

examples, stop = sys.argv[1:3]
port = int(sys.argv[3]) if len(sys.argv) > 3 else 9000
clients = int(sys.argv[4]) if len(sys.argv) > 4 else 2
bodies = [open(path, 'rb').read() for path in sorted(glob.glob(f'{examples}/*.json'))]
lock = threading.Lock()
kinds: collections.Counter = collections.Counter()
answered_at: list[float] = []
end_at = time.monotonic() + 60


def ask(connection, body):
    connection.request('POST', '/infer', body, {'content-type': 'application/json'})
    reply = connection.getresponse()
    text = reply.read()
    return 'ok' if reply.status == 200 else f'{reply.status} {text[:80].decode(errors="replace")}'


def outcome(connection, body):
    for attempt in (1, 2):
        try:
            return ask(connection, body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection.close()
            if attempt == 2:
                return type(error).__name__
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return type(error).__name__


def client(number):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    turn = number
    while not os.path.exists(stop) and time.monotonic() < end_at:
        kind = outcome(connection, bodies[turn % len(bodies)])
        with lock:
            kinds[kind] += 1
            if kind == 'ok':
                answered_at.append(time.monotonic())
        turn += 1
        time.sleep(0.01)
    connection.close()


threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
gap = max((b - a for a, b in zip(answered_at, answered_at[1:])), default=60)
failures = {kind: count for kind, count in kinds.items() if kind != 'ok'}
print(f'ok={kinds["ok"]} failed={sum(failures.values())} longest_gap_ms={gap * 1000:.0f} {failures or ""}')
