"""A full disk: changes are refused with 507, reading goes on, and changes go on when there is room again."""

import os
import pathlib
import subprocess
import tempfile
import time

from desk import Failed, Ledger, Load, Server, check, found_by, prepare

SHORT, LONG = 2, 50


def run(times):
    if os.geteuid() != 0:
        raise Failed("this needs root, to mount a file system of a few MiB")
    refused = acknowledged = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(times):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "postroom-faults", folder], check=True)
            try:
                counts = once(pathlib.Path(folder), number)
            finally:
                subprocess.run(["umount", folder], check=True)
            refused, acknowledged = refused + counts[0], acknowledged + counts[1]
    return f"{times} times full, {refused} changes refused with 507, {acknowledged} acknowledged changes looked for"


def once(folder, number):
    prepare(folder)
    ledger, server = Ledger(), Server(folder)
    ballast = folder / "ballast"
    with Load(server, ledger, f"f{number}") as load:
        time.sleep(0.3)
        fill(ballast)
        until = time.time() + 20
        while not load.refused and time.time() < until:
            time.sleep(0.05)
        if set(load.refused) != {507}:
            raise Failed(f"a full disk: {dict(load.refused)}, and not 507: {server.said()}")
        found_by(server.client())
        before = ledger.count()
        ballast.unlink()
        while ledger.count() == before and time.time() < until:
            time.sleep(0.05)
        if ledger.count() == before:
            raise Failed(f"no change is made when there is room again: {server.said()}")
    check(server, ledger, "the disk was full")
    counts = sum(load.refused.values()), ledger.count()
    server.kill()
    server = Server(folder)
    check(server, ledger, "the disk was full, and then the server was killed")
    server.stop()
    return counts


def fill(ballast):
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
