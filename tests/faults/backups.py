"""Backups under load: each, restored, has whatever was acknowledged before it began, and nothing that was asked after it ended."""

import pathlib
import tempfile
import time

from desk import Failed, Ledger, Load, Server, backed_up, found_by, prepare, restored

SHORT, LONG = 3, 20
# Writes a second: those of all writers together.
RATE = 200


def run(times):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "desk").mkdir()
        prepare(folder / "desk")
        server, ledger = Server(folder / "desk"), Ledger()
        begun, made = time.time(), []
        with Load(server, ledger, "b", RATE):
            # Backups of a load that is there already.
            time.sleep(1)
            for number in range(times):
                before = time.time()
                file = backed_up(folder / "desk", folder / "backups")
                made.append((file, before, time.time()))
                time.sleep(0.5)
        rate = ledger.count() / (time.time() - begun)
        if server.stop() != 0:
            raise Failed(f"the server does not stop well: {server.said()}")
        for number, (file, before, after) in enumerate(made):
            place = folder / f"restored-{number}"
            place.mkdir()
            restored(file, place, folder / "desk" / "postroom.db.key")
            (place / "api-key").write_text((folder / "desk" / "api-key").read_text())
            server = Server(place)
            client = server.client()
            ledger.compare(found_by(client), f"backup {number}", before, after)
            client.close()
            server.stop()
    return f"{times} backups under {rate:.0f} writes a second, each restored and compared"
