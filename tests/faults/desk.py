"""The real binary with clients that write to it, and a ledger of what it acknowledged."""

import base64
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = pathlib.Path(os.environ.get("POSTROOM_BINARY", TARGET / "debug" / "postroom"))
PATIENCE = 60


class Failed(Exception):
    """Something acknowledged is lost, or something wrong was served."""


class Server:
    """`postroom serve` over the database in a folder."""

    def __init__(self, folder, before=(), may_fail=False):
        self.folder = pathlib.Path(folder)
        environment = {
            "PATH": os.environ["PATH"],
            "POSTROOM_DB": str(self.folder / "postroom.db"),
            "POSTROOM_MX_HOST": "mx.example.net",
            "POSTROOM_RETURN_PATH_HOST": "return-path.example.net",
            "POSTROOM_DKIM_SPARE_KEYS": "0",
            "POSTROOM_RATE_LIMIT": "0",
            "POSTROOM_FAILURE_LIMIT": "0",
            "POSTROOM_LOG": "warn",
        }
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [*before, str(BINARY), "serve", "--json", "--listen", "127.0.0.1:0"],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
        )
        line = self.process.stdout.readline()
        self.started = bool(line)
        if not line:
            self.process.wait(PATIENCE)
            if may_fail:
                return
            raise Failed(f"the server does not start: {self.said()}")
        told = json.loads(line)
        self.address = told["url"].removeprefix("http://")
        self.key = told.get("api_key")
        if self.key:
            (self.folder / "api-key").write_text(self.key)
        else:
            self.key = (self.folder / "api-key").read_text()

    def said(self):
        return (self.folder / "server.log").read_bytes().decode(errors="replace")[-2000:]

    def pid(self):
        """The server's own process, under strace or not."""
        try:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            name = pathlib.Path(f"/proc/{self.process.pid}/comm").read_text().strip()
        except OSError:
            return self.process.pid
        return int(children[0]) if name == "strace" and children else self.process.pid

    def kill(self):
        try:
            os.kill(self.pid(), signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(PATIENCE)
        self.close()

    def stop(self):
        os.kill(self.pid(), signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.close()
        return code

    def close(self):
        self.process.stdout.close()
        self.log.close()

    def client(self):
        return Client(self.address, self.key)


class Client:
    """One connection with a key. `None` for an answer says that none came."""

    def __init__(self, address, key):
        self.address, self.key, self.connection = address, key, None

    def ask(self, method, path, body=None, timeout=PATIENCE):
        headers = {"X-API-Key": self.key, "MailPace-Organization-Token": self.key}
        if path.startswith(("/v1/", "/v3/", "/v4/")):
            headers = {"Authorization": "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()}
        if path.startswith("/postroom/"):
            headers = {"Authorization": f"Bearer {self.key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address, timeout=timeout)
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            octets = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        try:
            return answer.status, json.loads(octets) if octets else None
        except ValueError:
            return answer.status, None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Ledger:
    """What was asked, what was acknowledged, and when the acknowledgement was there."""

    def __init__(self):
        self.lock = threading.Lock()
        self.history = collections.defaultdict(list)

    def ask(self, thing, value):
        with self.lock:
            entry = [value, time.time(), None]
            self.history[thing].append(entry)
            return entry

    def acknowledge(self, entry):
        entry[2] = time.time()

    def possible(self, thing, at=None, until=None):
        """The values that a thing may have if all ends at this moment: the last acknowledged one, and what was asked since.

        If it ends somewhere between two moments, what was asked before the later one may have happened.
        """
        values = [None]
        for value, asked, acknowledged in self.history[thing]:
            if at is not None and asked > (until or at):
                break
            if acknowledged is not None and (at is None or acknowledged <= at):
                values = [value]
            else:
                values.append(value)
        return values

    def settle(self, found):
        """Takes what was found as what is there: what was not acknowledged may have happened or not."""
        with self.lock:
            now = time.time()
            for thing in self.history:
                self.history[thing] = [[found.get(thing), now, now]]

    def count(self):
        return sum(1 for entries in self.history.values() for entry in entries if entry[2] is not None)

    def compare(self, found, where, at=None, until=None):
        for thing in self.history:
            # An entry that is removed is absent like one that was never made.
            possible = [value or None for value in self.possible(thing, at, until)]
            if found.get(thing) not in possible:
                raise Failed(f"{where}: {thing} is {found.get(thing)!r}, and not one of {possible!r}")
        for thing in found:
            if thing not in self.history:
                raise Failed(f"{where}: {thing} was never asked for")


WRITERS = 4


class Load:
    """Clients that write: entries of a list, which come and go, and labels, which change."""

    def __init__(self, server, ledger, round_name, rate=None):
        self.server, self.ledger, self.name = server, ledger, round_name
        # Seconds from one change of a writer to the next; none for as fast as it can.
        self.pause = WRITERS / rate if rate else 0
        self.stopping = threading.Event()
        self.refused = collections.Counter()
        self.threads = [threading.Thread(target=self.write, args=(number,), daemon=True) for number in range(WRITERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def write(self, number):
        client, turn, there = self.server.client(), 0, []
        dice = random.Random(f"{self.name}-{number}")
        due = time.time()
        while not self.stopping.is_set():
            turn, due = turn + 1, due + self.pause
            time.sleep(max(0, due - time.time()) if self.pause else 0)
            if there and dice.random() < 0.3:
                item = there.pop(dice.randrange(len(there)))
                done = self.change(client, f"entry {item}", False, "DELETE", f"/inbound/v1/lists/blocklist?item={item}")
            elif dice.random() < 0.2:
                done = self.change(client, f"label {number + 1}", f"{self.name}-{turn}", "PATCH",
                                   f"/api/v1/domains/{number + 1}", {"name": f"{self.name}-{turn}"})
            else:
                item = f"x{self.name}-{number}-{turn}.example.com"
                done = self.change(client, f"entry {item}", True, "POST", "/inbound/v1/lists/blocklist", {"item": item})
                if done:
                    there.append(item)
            if done is None:
                return

    def change(self, client, thing, value, method, path, body=None):
        entry = self.ledger.ask(thing, value)
        answer = client.ask(method, path, body)
        if answer is None:
            return None
        if answer[0] < 300:
            self.ledger.acknowledge(entry)
            return True
        # A refusal is honest where it does not happen later.
        self.refused[answer[0]] += 1
        if answer[0] < 500:
            raise Failed(f"{method} {path}: {answer}")
        time.sleep(0.01)
        return False


def prepare(folder):
    """A database with a domain for each writer."""
    server = Server(folder)
    client = server.client()
    for number in range(WRITERS):
        made = client.ask("POST", "/api/v1/domains", {"url": f"own{number}.example.com"})
        if made is None or made[0] != 201:
            raise Failed(f"no domain is made: {made}: {server.said()}")
    server.stop()


def command(folder, *arguments):
    """A command at the database in a folder."""
    environment = {
        "PATH": os.environ["PATH"],
        "POSTROOM_DB": str(pathlib.Path(folder) / "postroom.db"),
        "POSTROOM_MX_HOST": "mx.example.net",
        "POSTROOM_RETURN_PATH_HOST": "return-path.example.net",
    }
    ran = subprocess.run(
        [str(BINARY), *arguments, "--json"], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE * 5,
    )
    if ran.returncode != 0:
        raise Failed(f"{arguments[0]}: {ran.returncode}: {ran.stderr}")
    return json.loads(ran.stdout)


def backed_up(folder, to):
    """Makes a backup while the server runs, and returns its file."""
    pathlib.Path(to).mkdir(exist_ok=True)
    file = pathlib.Path(command(folder, "backup", "--to", str(to))["backup"])
    if file.stat().st_mode & 0o777 != 0o600:
        raise Failed(f"{file} can be read by others")
    return file


def restored(file, folder, master_key):
    """Makes a database of a backup, with its master key beside it."""
    key = pathlib.Path(folder) / "postroom.db.key"
    key.write_bytes(pathlib.Path(master_key).read_bytes())
    key.chmod(0o600)
    command(folder, "restore", str(file))


def found_by(client):
    """What the server says is there, in the words of the ledger."""
    entries = client.ask("GET", "/inbound/v1/lists/blocklist")
    domains = client.ask("GET", "/api/v1/domains?limit=200")
    if entries is None or entries[0] != 200 or domains is None or domains[0] != 200:
        raise Failed(f"what is there cannot be read: {entries and entries[0]}, {domains and domains[0]}")
    found = {f"entry {entry['item']}": True for entry in entries[1]}
    found |= {f"label {domain['id']}": domain["name"] for domain in domains[1] if domain["name"] is not None}
    return found


def check(server, ledger, where):
    """Compares what is there with the ledger, and goes on from what is there."""
    client = server.client()
    found = found_by(client)
    client.close()
    ledger.compare(found, where)
    ledger.settle(found)
