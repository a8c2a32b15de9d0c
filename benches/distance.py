#!/usr/bin/env python3
"""What a network between Postroom and PostgreSQL costs: the same requests over a wire of 0, 1 and 5 ms.

Starts a private PostgreSQL on loopback, a proxy that delays every answer of its, and the server behind that proxy. Prints a table of
medians, and beside each how many round trips the time comes to. Needs Debian's `postgresql` (15 or newer) and Python.

    cargo build --release -p postroom-server
    benches/distance.py target/release/postroom
"""

import http.client
import json
import os
import pathlib
import queue
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SAMPLES = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Cluster:
    """A PostgreSQL cluster in a temporary folder."""

    def __init__(self):
        self.programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: float(bin.parts[-2]))[-1]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postroom-distance-"))
        self.folder.chmod(0o755)
        self.as_user = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.as_user = ["runuser", "-u", "postgres", "--"]
        self.port = free_port()
        self.run("initdb", "-D", self.folder / "data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", options, "start")

    def run(self, program, *arguments):
        command = [*self.as_user, self.programs / program, *arguments]
        subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def database(self, name):
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)

    def end(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class Wire:
    """A proxy that passes on at once what goes to the server, and each answer `delay` seconds after it came."""

    def __init__(self, to, delay):
        self.to, self.delay = to, delay
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.to))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            late = queue.SimpleQueue()
            for work in (lambda: self.there(client, server), lambda: self.take(server, late), lambda: self.back(late, client)):
                threading.Thread(target=work, daemon=True).start()

    def there(self, client, server):
        try:
            while octets := client.recv(65536):
                server.sendall(octets)
        except ConnectionResetError:
            pass
        server.close()

    def take(self, server, late):
        try:
            while octets := server.recv(65536):
                late.put((time.perf_counter() + self.delay, octets))
        except OSError:
            # The client is gone, and with it the connection.
            pass
        late.put(None)

    def back(self, late, client):
        while (item := late.get()) is not None:
            at, octets = item
            if (wait := at - time.perf_counter()) > 0:
                time.sleep(wait)
            client.sendall(octets)
        client.close()


class Server:
    def __init__(self, binary, url, key_file):
        environment = {
            "POSTROOM_DB": url,
            "POSTROOM_MASTER_KEY_FILE": str(key_file),
            "POSTROOM_RATE_LIMIT": "0",
            "POSTROOM_MX_HOST": "mail.example.net",
            # Nothing answers there, so that a check takes no longer than its statements.
            "POSTROOM_RESOLVERS": f"127.0.0.1:{free_port()}",
            "POSTROOM_DKIM_SPARE_KEYS": "200",
        }
        command = [binary, "serve", "--json", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.told = json.loads(self.process.stdout.readline())
        self.address = self.told["url"].removeprefix("http://")

    def end(self):
        self.process.terminate()
        self.process.wait()


def median(address, key, method, path, body=lambda turn: None):
    connection = http.client.HTTPConnection(address, timeout=60)
    head = {"MailPace-Organization-Token": key, "Content-Type": "application/json"}
    times = []
    for turn in range(SAMPLES + 5):
        content = body(turn)
        begun = time.perf_counter()
        connection.request(method, path, content and json.dumps(content), head)
        answer = connection.getresponse()
        octets = answer.read()
        times.append(time.perf_counter() - begun)
        if answer.status not in (200, 201):
            sys.exit(f"{method} {path} is answered by {answer.status}: {octets[:300]}")
    # The first ones prepare their statements.
    return statistics.median(times[5:]) * 1000


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cluster = Cluster()
    try:
        cluster.database("desk")
        key_file, key, first = cluster.folder.with_suffix(".key"), None, {}
        print("| what | no wire | 1 ms | 5 ms | round trips |\n|---|---|---|---|---|")
        rows = {}
        for delay in (0, 1, 5):
            wire = Wire(cluster.port, delay / 1000)
            server = Server(sys.argv[1], f"postgres://postgres@127.0.0.1:{wire.port}/desk?sslmode=disable", key_file)
            key = key or server.told.get("key") or server.told["api_key"]
            if delay == 0:
                # Time for the spare keys of the creations that follow.
                time.sleep(40)
                made = http.client.HTTPConnection(server.address)
                head = {"MailPace-Organization-Token": key, "Content-Type": "application/json"}
                made.request("POST", "/api/v1/domains", json.dumps({"domain": {"url": "one.example"}}), head)
                first = json.loads(made.getresponse().read())
            one = f"/api/v1/domains/{first['id']}"
            for what, time_it in {
                "GET of one": lambda: median(server.address, key, "GET", one),
                "page of 50": lambda: median(server.address, key, "GET", "/api/v1/domains?per_page=50"),
                "creation": lambda: median(
                    server.address, key, "POST", "/api/v1/domains", lambda turn: {"domain": {"url": f"d{delay}x{turn}.example"}}
                ),
            }.items():
                rows.setdefault(what, []).append(time_it())
            server.end()
        for what, (none, one_ms, five_ms) in rows.items():
            print(f"| {what} | {none:.1f} ms | {one_ms:.1f} ms | {five_ms:.1f} ms | {(five_ms - none) / 5:.1f} |")
    finally:
        cluster.end()
        cluster.folder.with_suffix(".key").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
