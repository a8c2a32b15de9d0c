"""kill -9 under load: whatever was acknowledged is there afterwards."""

import pathlib
import random
import tempfile
import time

from desk import Failed, Ledger, Load, Server, check, prepare

SHORT, LONG = 8, 1000


def run(times):
    acknowledged = 0
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        ledger = Ledger()
        for number in range(times):
            server = Server(folder)
            if number % 50 == 49:
                check(server, ledger, f"kill {number}")
                # A list without end would make each look longer than the one before.
                client = server.client()
                for thing in [thing for thing in ledger.history if thing.startswith("entry ")]:
                    path = f"/inbound/v1/lists/blocklist?item={thing.removeprefix('entry ')}"
                    answer = client.ask("DELETE", path)
                    if answer is None or answer[0] >= 300:
                        raise Failed(f"kill {number}: an entry is not deleted: {answer}")
                    del ledger.history[thing]
                client.close()
            with Load(server, ledger, f"k{number}"):
                time.sleep(random.uniform(0.02, 0.3))
                server.kill()
            acknowledged += ledger.count()
            server = Server(folder)
            check(server, ledger, f"kill {number}")
            server.kill()
        (pathlib.Path(folder) / "server.log").unlink()
    return f"{times} kills, {acknowledged} acknowledged changes looked for"
