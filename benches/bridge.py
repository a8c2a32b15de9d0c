#!/usr/bin/env python3
"""Measures the bridge between two real Postfixes on loopback, of which one has it and one has not, in the same run.

    benches/bridge.py POSTROOM [--domains 100000] [--messages 100] [--seconds 5]

POSTROOM is a release build of the binary. It makes a database with so many domains, starts the bridge and both mail servers in a
temporary folder, and prints a table. It needs Linux, Postfix, Python, and to be root, for Postfix starts as root.
"""

import argparse
import http.client
import itertools
import json
import os
import pathlib
import shutil
import smtplib
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

NUMBER = itertools.count()
BATCH = 1000
SERVICES = """
127.0.0.1:{port} inet n - y - - smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
qmgr unix n - n 300 1 qmgr
postlog unix-dgram n - n - 1 postlogd
"""
MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
myhostname = mail.example.net
mydestination =
mynetworks = 127.0.0.1
inet_interfaces = loopback-only
inet_protocols = ipv4
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
default_transport = discard:
relay_domains =
alias_maps =
"""


def message(octets, author="a@b.example"):
    """A message of about so many octets, unlike every other."""
    head = f"Received: by bench; {os.getpid()} {next(NUMBER)}\r\nFrom: {author}\r\nSubject: x\r\n\r\n"
    return head + ("y" * 70 + "\r\n") * max(0, (octets - len(head)) // 72)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until(what, ask):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if ask():
            return
        time.sleep(0.01)
    sys.exit(f"waited in vain until {what}")


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


class Postfix:
    """A private mail server."""

    def __init__(self, folder, lines=""):
        self.folder, self.port, self.lines = folder, free_port(), lines
        for name in ["queue", "data", "conf"]:
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        shutil.chown(folder / "data", "postfix")

    def start(self):
        main = MAIN.format(folder=self.folder) + self.lines
        (self.folder / "conf/main.cf").write_text(main)
        (self.folder / "conf/master.cf").write_text(SERVICES.format(port=self.port))
        self.control("start")
        until("a mail server listens", lambda: listens(self.port))

    def control(self, what):
        subprocess.run(["/usr/sbin/postfix", "-c", self.folder / "conf", what], check=True, capture_output=True)

    def send(self, sender, recipient, login=None, octets=20_000):
        """How many seconds it takes to send a message, from the connection on."""
        text = message(octets, sender)
        began = time.monotonic()
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="c.example") as smtp:
            if login:
                smtp.login(*login)
            smtp.sendmail(sender, [recipient], text)
        return time.monotonic() - began


class Desk:
    """The database, the bridge, and what asks its sockets."""

    def __init__(self, binary, folder, sockets):
        self.binary, self.folder, self.sockets = binary, folder, sockets
        self.env = {
            "PATH": os.environ["PATH"],
            "POSTROOM_MX_HOST": "mx.example.net",
            "POSTROOM_RETURN_PATH_HOST": "rp.example.net",
            "POSTROOM_DKIM_SPARE_KEYS": "2",
            "POSTROOM_SCHEDULE_AT_ONCE": "0",
            "POSTROOM_RATE_LIMIT": "0",
            "POSTROOM_WEBHOOKS_LOOPBACK_HTTP": "true",
            "POSTROOM_BRIDGE_DIR": str(sockets),
            "POSTROOM_BRIDGE_METRICS": "127.0.0.1:0",
            "POSTROOM_LOG": "warn",
        }

    def start(self, *arguments):
        log = open(self.folder / "log", "ab")
        return subprocess.Popen(
            [self.binary, *arguments], cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=log
        )

    def run(self, *arguments):
        done = subprocess.run([self.binary, *arguments], cwd=self.folder, env=self.env, capture_output=True, check=True)
        return done.stdout.decode()

    def fill(self, domains):
        """Makes so many domains by the server's own interface, and a token of one that signs with RSA of 2048 bits."""
        port = free_port()
        server = self.start("serve", "--json", "--listen", f"127.0.0.1:{port}")
        self.key = json.loads(server.stdout.readline())["api_key"]
        until("the server listens", lambda: listens(port))
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        head = {"MailPace-Organization-Token": self.key, "x-api-key": self.key, "Content-Type": "application/json"}

        def post(path, body):
            client.request("POST", path, json.dumps(body), head)
            answer = client.getresponse()
            read = json.loads(answer.read())
            assert answer.status < 300, (answer.status, read)
            return read

        made = post("/api/v1/domains", {"domain": {"url": "signed.example"}})
        for name in ["hook.example", "other.example"]:
            post("/api/v1/domains", {"domain": {"url": name}})
        token = post(f"/api/v1/domains/{made['id']}/api_tokens", {})
        for start in range(0, domains, BATCH):
            batch = [{"domain": f"d{at}.bench.example"} for at in range(start, min(domains, start + BATCH))]
            post("/inbound/v1/domains/batch?subscriptionHandle=default", {"domains": batch})
        server.terminate()
        server.wait()
        with sqlite3.connect(self.folder / "postroom.db") as db:
            sql = "UPDATE dkim_key SET activated_at = 1 WHERE domain_id = (SELECT id FROM domain WHERE name = 'signed.example')"
            assert db.execute(sql).rowcount == 1
        db.close()
        self.login = ("signed.example", token["token"])

    def connect(self, name):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(120)
        stream.connect(os.fspath(self.sockets / name))
        return stream


def exactly(stream, octets):
    read = b""
    while len(read) < octets:
        more = stream.recv(octets - len(read))
        if not more:
            raise EOFError("the bridge hung up")
        read += more
    return read


def map_once(stream, recipient):
    key = f"recipient {recipient}".encode()
    stream.sendall(b"%d:%s," % (len(key), key))
    assert b"OK 1" in stream.recv(100), "the recipient is not taken"


def packet(stream, command, data=b""):
    stream.sendall(struct.pack(">I", len(data) + 1) + command + data)


def answer(stream):
    return exactly(stream, struct.unpack(">I", exactly(stream, 4))[0])


def milter_begin(stream):
    packet(stream, b"O", bytes([0, 0, 0, 6, 0, 0, 1, 255, 0, 31, 255, 255]))
    answer(stream)
    packet(stream, b"C", b"c.example\x004\x00\x19192.0.2.7\x00")
    answer(stream)


def milter_once(stream, recipient):
    packet(stream, b"M", b"<a@b.example>\x00")
    answer(stream)
    packet(stream, b"R", f"<{recipient}>\x00".encode())
    answer(stream)
    packet(stream, b"L", b"From\x00 a@b.example\x00")
    packet(stream, b"N")
    packet(stream, b"E")
    assert answer(stream)[:1] == b"c"


def a_second(desk, name, once, begin, recipients, seconds, connections=2):
    """How many in a second, over two connections, each time for another recipient."""
    counts = [0] * connections

    def work(at):
        with desk.connect(name) as stream:
            begin(stream)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                once(stream, next(recipients))
                counts[at] += 1

    threads = [threading.Thread(target=work, args=(at,)) for at in range(connections)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sum(counts) / seconds


def more(pairs):
    """By how many milliseconds the first of each pair is slower, in the median; and the medians of both."""
    one, other = (1000 * statistics.median(times) for times in zip(*pairs))
    return f"{statistics.median(1000 * (a - b) for a, b in pairs):.1f} ms more ({one:.1f} after {other:.1f})"


def hang(listener):
    """A webhook that takes what comes and never answers."""
    kept = []
    while True:
        try:
            kept.append(listener.accept())
        except OSError:
            return


def dead_webhook(desk, postfix):
    """How long mail for another domain takes behind 60 messages to a dead webhook, to be stored."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=hang, args=(listener,), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    desk.run("route", "set", "hook.example", "--mode", "webhook", "--webhook-url", url)
    stored = desk.folder / "mail/other.example/jo/new"

    def until_stored():
        before = len(list(stored.iterdir())) if stored.exists() else 0
        began = time.monotonic()
        postfix.send("a@b.example", "jo@other.example", octets=2000)
        until("it is stored", lambda: stored.exists() and len(list(stored.iterdir())) > before)
        return time.monotonic() - began

    alone = until_stored()
    for _ in range(60):
        postfix.send("a@b.example", "jo@hook.example", octets=2000)
    behind = until_stored()
    listener.close()
    return f"{behind:.2f} s ({alone:.2f} without them)"


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmRSS"))) / 1024


def row(what, wanted, measured):
    print(f"| {what} | {wanted} | {measured} |", flush=True)


def measure(args, root):
    with_it = Postfix(root / "with")
    desk = Desk(os.path.abspath(args.postroom), root / "desk", with_it.folder / "queue/postroom")
    desk.folder.mkdir()
    without = Postfix(
        root / "without",
        "virtual_mailbox_domains = signed.example\nvirtual_mailbox_maps = static:1\nvirtual_transport = discard:\n",
    )
    began = time.monotonic()
    desk.fill(args.domains)
    print(f"made {args.domains} domains in {time.monotonic() - began:.0f} s", file=sys.stderr)
    lines = desk.run("bridge", "conf", "postfix")
    # What is stored is measured by itself: here both throw it away, behind their queues.
    thrown = lines.replace("lmtp:unix:postroom/lmtp", "discard:")
    with_it.lines = thrown + "smtpd_sasl_auth_enable = yes\n"
    bridge = desk.start("bridge")
    until("the bridge has its sockets", lambda: (desk.sockets / "policy").exists())
    row(f"memory (VmRSS) after the start, {args.domains:,} domains", "< 48 MB", f"{resident(bridge.pid):.1f} MiB")
    with_it.start()
    without.start()
    try:
        idle = [desk.connect(name) for name in ["map", "auth", "milter"] for _ in range(100)]
        recipients = (f"jo@d{7919 * at % args.domains}.bench.example" for at in itertools.count())
        shared = threading.Lock()

        class Each:
            def __next__(self):
                with shared:
                    return next(recipients)

        for name, once, begin in [("map", map_once, lambda _: None), ("milter", milter_once, milter_begin)]:
            number = a_second(desk, name, once, begin, Each(), args.seconds)
            row(f"`{name}`, two connections, each time another domain, beside 300 idle ones", "500 a second", f"{number:.0f} a second")
        outside = lambda it: it.send("a@b.example", "jo@signed.example")
        inside = lambda it: it.send("jo@signed.example", "x@elsewhere.example", desk.login if it is with_it else None)
        for send in [outside, inside]:
            for it in [with_it, without]:
                send(it)
        pairs = [(outside(with_it), outside(without)) for _ in range(args.messages)]
        row("20 kB that comes in, beside the same Postfix without the bridge", "≤ 4 ms more", more(pairs))
        pairs = [(inside(with_it), inside(without)) for _ in range(args.messages)]
        row("20 kB that goes out with a login, signed with RSA-2048, beside one without either", "≤ 8 ms more", more(pairs))
        times = []
        for _ in range(50):
            with smtplib.LMTP(os.fspath(desk.sockets / "lmtp")) as lmtp:
                began = time.monotonic()
                lmtp.sendmail("a@b.example", ["jo@signed.example"], message(20_000))
                times.append(time.monotonic() - began)
        row("`lmtp`, 20 kB, stored and synced, median of 50", "", f"{1000 * statistics.median(times):.1f} ms")
        with_it.lines = lines
        with_it.control("stop")
        with_it.start()
        row("mail of another domain behind 60 messages to a dead webhook, until it is stored", "< 3 s", dead_webhook(desk, with_it))
        row("memory after all that, with metrics", "< 48 MB", f"{resident(bridge.pid):.1f} MiB")
        [stream.close() for stream in idle]
    finally:
        with_it.control("stop")
        without.control("stop")
        bridge.terminate()
        bridge.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("postroom")
    parser.add_argument("--domains", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("run it as root: Postfix starts as root")
    print("| what | wanted | measured |\n|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bridge") as root:
        os.chmod(root, 0o755)
        measure(args, pathlib.Path(root))


main()
