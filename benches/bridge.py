#!/usr/bin/env python3
"""Measures a bridge that runs: what it answers a second through `map` and `milter`, how long a message takes through `lmtp`, how much
memory it has. With --with and --without it sends the same message through two mail servers in turn, one with the bridge and one
without, and says by how much the first is slower.

    benches/bridge.py FOLDER RECIPIENT [--pid PID] [--with HOST:PORT --without HOST:PORT] [--seconds 5]

FOLDER has the bridge's sockets; mail for RECIPIENT must be taken. It needs Python alone.
"""

import argparse
import itertools
import os
import smtplib
import socket
import statistics
import struct
import threading
import time

NUMBER = itertools.count()


def message(octets):
    """A message of about so many octets, unlike every other."""
    head = f"Received: by bench; {os.getpid()} {next(NUMBER)}\r\nFrom: a@b.example\r\nSubject: x\r\n\r\n"
    return head + ("y" * 70 + "\r\n") * max(0, (octets - len(head)) // 72)


def connect(folder, name):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(60)
    stream.connect(os.path.join(folder, name))
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
    length = struct.unpack(">I", exactly(stream, 4))[0]
    return exactly(stream, length)


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


def a_second(folder, name, once, begin, recipient, seconds, connections=2):
    """How many in a second, over two connections."""
    counts = [0] * connections

    def work(at):
        with connect(folder, name) as stream:
            begin(stream)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                once(stream, recipient)
                counts[at] += 1

    threads = [threading.Thread(target=work, args=(at,)) for at in range(connections)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sum(counts) / seconds


def lmtp_once(folder, recipient):
    with smtplib.LMTP(os.path.abspath(os.path.join(folder, "lmtp"))) as lmtp:
        began = time.monotonic()
        lmtp.sendmail("a@b.example", [recipient], message(20_000))
        return time.monotonic() - began


def smtp_once(where, recipient):
    host, port = where.rsplit(":", 1)
    began = time.monotonic()
    with smtplib.SMTP(host, int(port), local_hostname="c.example") as smtp:
        smtp.sendmail("a@b.example", [recipient], message(20_000))
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("recipient")
    parser.add_argument("--pid")
    parser.add_argument("--with", dest="bridged")
    parser.add_argument("--without")
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()
    idle = [connect(args.folder, "map") for _ in range(300)]
    for name, once, begin in [("map", map_once, lambda _: None), ("milter", milter_once, milter_begin)]:
        number = a_second(args.folder, name, once, begin, args.recipient, args.seconds)
        print(f"| `{name}`, two connections, beside 300 idle ones | 500 a second | {number:.0f} a second |")
    times = [lmtp_once(args.folder, args.recipient) for _ in range(50)]
    print(f"| `lmtp`, 20 kB, stored and synced, median of 50 |  | {1000 * statistics.median(times):.1f} ms |")
    if args.pid:
        with open(f"/proc/{args.pid}/status", encoding="ascii") as status:
            rss = next(line.split()[1] for line in status if line.startswith("VmRSS"))
        print(f"| resident memory | < 48 MB | {int(rss) / 1024:.1f} MiB |")
    if args.bridged and args.without:
        pairs = [(smtp_once(args.bridged, args.recipient), smtp_once(args.without, args.recipient)) for _ in range(100)]
        more = statistics.median(one for one, _ in pairs) - statistics.median(other for _, other in pairs)
        print(f"| 20 kB that comes in, beside the same Postfix without the bridge | ≤ 4 ms more | {1000 * more:.1f} ms more |")
    [stream.close() for stream in idle]


main()
