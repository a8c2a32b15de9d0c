"""Power cuts by replay: the writes and syncs of a server are recorded, and the files are built as a cut can leave them.

A write that was not synced yet may be there, may be missing, or may be torn at a sector. Whatever was acknowledged before the cut
must be there, and the file must be sound.
"""

import pathlib
import random
import re
import shutil
import sqlite3
import tempfile
import time

from desk import Failed, Ledger, Load, Server, prepare

SHORT, LONG = 300, 5000
NEEDS = ["strace"]
SECTOR = 512
FILES = ("postroom.db", "postroom.db-wal")
CALL = re.compile(r"^(\d+) +([0-9.]+) (\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+) +([0-9.]+) <\.\.\. (\w+) resumed>(.*)$")


def run(times):
    if shutil.which("strace") is None:
        raise Failed("strace is missing")
    dice = random.Random()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        recorded = folder / "recorded"
        recorded.mkdir()
        prepare(recorded)
        files = {name: (recorded / name).read_bytes() if (recorded / name).exists() else None for name in FILES}
        ledger, trace = Ledger(), folder / "trace"
        strace = ["strace", "-f", "-ttt", "-y", "-xx", "-s", "10000000", "-qqq", "-o", str(trace), "-e",
                  "trace=pwrite64,fdatasync,fsync,ftruncate,unlink,unlinkat,openat"]
        server = Server(recorded, before=strace)
        with Load(server, ledger, "p"):
            # Long enough for the log to be moved into the file once or more.
            time.sleep(6 if times <= SHORT else 20)
        server.kill()
        steps = read(trace, recorded)
        if sum(what == "write" for _, what, _, _ in steps) < 50:
            raise Failed("too little was written to tell anything")
        lost, disk = 0, Disk(files)
        for number, at in enumerate(sorted(dice.randrange(1, len(steps) + 1) for _ in range(times))):
            cut = folder / "cut"
            shutil.rmtree(cut, ignore_errors=True)
            cut.mkdir()
            lost += disk.build(steps, at, cut, dice)
            moment = steps[at - 1][0]
            look(cut, ledger, moment, f"cut {number} after step {at} of {len(steps)}")
            if number % 100 == 0:
                for name in ("postroom.db.key", "api-key"):
                    shutil.copy2(recorded / name, cut / name)
                for name in FILES:
                    if (cut / name).exists():
                        (cut / name).chmod(0o600)
                server = Server(cut)
                ledger.compare(found_by_sql(cut), f"cut {number}, opened by the server", moment)
                server.kill()
    return (f"{times} cuts in {len(steps)} steps, {lost} unsynced writes dropped or torn, "
            f"{ledger.count()} acknowledged changes")


def read(trace, folder):
    """The steps: when each began, what it is, the file, and its values. A sync is a step when it has ended."""
    steps, begun = [], {}
    for line in trace.read_text().splitlines():
        resumed = RESUMED.match(line)
        call = None if resumed else CALL.match(line)
        if resumed:
            thread, moment, name, rest = resumed.groups()
            if name in ("fdatasync", "fsync") and thread in begun:
                file, number = begun.pop(thread)
                if rest.rstrip().endswith("= 0"):
                    steps.append((float(moment), "sync", file, number))
            continue
        if call is None:
            continue
        thread, moment, name, rest = call.groups()
        moment = float(moment)
        file = which(rest, folder)
        if file is None:
            continue
        if name == "pwrite64":
            octets = re.search(r'"((?:\\x[0-9a-f]{2})*)"', rest).group(1)
            place = re.search(r'", \d+, (\d+)', rest).group(1)
            steps.append((moment, "write", file, (int(place), bytes.fromhex(octets.replace("\\x", "")))))
        elif name == "ftruncate":
            steps.append((moment, "truncate", file, int(re.search(r">, (\d+)", rest).group(1))))
        elif name in ("fdatasync", "fsync"):
            if "unfinished" in rest:
                begun[thread] = (file, len(steps))
            elif rest.rstrip().endswith("= 0"):
                steps.append((moment, "sync", file, len(steps)))
        elif name in ("unlink", "unlinkat"):
            steps.append((moment, "unlink", file, None))
    return steps


def which(rest, folder):
    """The file of a call: of its descriptor, which strace -y shows with its path, or of its path."""
    path = re.match(r"\d+<([^>]*)>", rest) or re.search(r'"((?:\\x[0-9a-f]{2}){1,4096})"', rest)
    if path is None:
        return None
    # With -xx strace prints every octet of a text as a number.
    text = re.sub(r"(?:\\x[0-9a-f]{2})+", lambda octets: bytes.fromhex(octets.group(0).replace("\\x", "")).decode(), path.group(1))
    file = pathlib.Path(text)
    return file.name if file.parent == folder and file.name in FILES else None


class Disk:
    """The files as far as they are certain: with each step that a later sync covers."""

    def __init__(self, files):
        self.sure = {name: bytearray(octets or b"") for name, octets in files.items()}
        self.done = dict.fromkeys(files, 0)
        self.synced = dict.fromkeys(files, 0)
        self.seen = 0

    def build(self, steps, at, cut, dice):
        """Writes the files as a cut after so many steps can leave them; how many writes did not survive whole.

        The numbers of steps must not fall from one call to the next.
        """
        for _, what, file, value in steps[self.seen:at]:
            if what == "sync":
                # What a sync covers is what began before it did.
                self.synced[file] = max(self.synced[file], value)
        self.seen, lost = at, 0
        for name in FILES:
            for _, what, file, value in steps[self.done[name]:self.synced[name]]:
                if file == name:
                    apply(self.sure[name], what, value)
            self.done[name] = max(self.done[name], self.synced[name])
            content = bytearray(self.sure[name])
            for _, what, file, value in steps[self.done[name]:at]:
                if file != name or what == "sync":
                    continue
                if what == "write" and dice.random() < 0.5:
                    lost += 1
                    if dice.random() < 0.5:
                        # Torn: some sectors are there, in whatever order they went.
                        place, octets = value
                        for begin in range(0, len(octets), SECTOR):
                            if dice.random() < 0.5:
                                put(content, place + begin, octets[begin:begin + SECTOR])
                elif what == "write" or dice.random() < 0.5:
                    apply(content, what, value)
            if content:
                (cut / name).write_bytes(content)
        return lost


def apply(content, what, value):
    if what == "write":
        put(content, *value)
    elif what == "truncate":
        content.extend(bytes(max(0, value - len(content))))
        del content[value:]
    elif what == "unlink":
        content.clear()


def put(content, place, octets):
    if len(content) < place:
        content.extend(bytes(place - len(content)))
    content[place:place + len(octets)] = octets


def found_by_sql(folder):
    conn = sqlite3.connect(folder / "postroom.db")
    try:
        found = {f"entry {item}": True for (item,) in conn.execute("SELECT shown FROM list_entry WHERE action = 'blocklist'")}
        found |= {f"label {number}": label for number, label in conn.execute("SELECT id, label FROM domain WHERE label IS NOT NULL")}
        return found
    finally:
        conn.close()


def look(cut, ledger, moment, where):
    conn = sqlite3.connect(cut / "postroom.db")
    try:
        sound = conn.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.DatabaseError as error:
        sound = error
    finally:
        conn.close()
    if sound != [("ok",)]:
        raise Failed(f"{where}: the file is not sound: {sound}")
    ledger.compare(found_by_sql(cut), where, moment)
