"""Failing system calls: a write, a sync or a truncation of the database's files fails, once or from then on."""

import random
import shutil
import tempfile
import time

from desk import Failed, Ledger, Load, Server, check, prepare

SHORT, LONG = 10, 1000
NEEDS = ["strace"]

#: What fails, how, and whether the server may go on answering afterwards.
CALLS = [
    ("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("pwrite64", "EDQUOT"),
    ("fdatasync", "EIO"), ("fdatasync", "ENOSPC"), ("fsync", "EIO"),
    ("ftruncate", "EIO"), ("pread64", "EIO"), ("openat", "EMFILE"), ("openat", "EACCES"),
]


def run(times):
    if shutil.which("strace") is None:
        raise Failed("strace is missing")
    dice, acknowledged, refused, ended = random.Random(), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        ledger = Ledger()
        for number in range(times):
            call, error = CALLS[number % len(CALLS)]
            when = f"{dice.randint(1, 60)}{dice.choice(['', '+', '+7'])}"
            paths = [argument for name in ("postroom.db", "postroom.db-wal") for argument in ("-P", f"{folder}/{name}")]
            strace = ["strace", "-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null", *paths,
                      "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
            where = f"{call} {error} when={when}"
            server = Server(folder, before=strace, may_fail=True)
            if server.started:
                with Load(server, ledger, f"c{number}") as load:
                    time.sleep(dice.uniform(0.2, 0.6))
                refused += sum(load.refused.values())
                ended += server.process.poll() is not None
                if server.process.poll() is None:
                    server.kill()
                else:
                    server.close()
            else:
                ended += 1
                server.close()
            acknowledged += ledger.count()
            server = Server(folder)
            check(server, ledger, where)
            server.kill()
    return (f"{times} injected failures, {acknowledged} acknowledged changes looked for, "
            f"{refused} changes refused, {ended} times the server ended by itself")
