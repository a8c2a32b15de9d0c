"""Verifies signed messages with dkimpy and with OpenDKIM: verify.py CASES VERDICTS.

A case is a line of JSON: the file of a message as it stands on the network, and the name and value of the key's record.
A verdict is a line [dkimpy, OpenDKIM]: a text each, which is "pass" where the signature verifies.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import dkim

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def by_dkimpy(case):
    def answer(_name, timeout=5):
        return case["record"].encode()

    try:
        return "pass" if dkim.verify(pathlib.Path(case["file"]).read_bytes(), dnsfunc=answer) else "fail"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def by_opendkim(cases):
    """What its filter says of each, from a file of keys instead of the DNS."""
    folder = pathlib.Path(cases[0]["file"]).parent
    keys = {case["name"]: case["record"] for case in cases}
    (folder / "keys").write_text("".join(f"{name} {record}\n" for name, record in keys.items()))
    (folder / "opendkim.conf").write_text(f"TestPublicKeys {folder}/keys\nMode v\n")
    command = [shutil.which("opendkim", path=PATH), "-x", folder / "opendkim.conf", "-v", "-t"]

    def verdict(case):
        # One at a time: where a message ends it early, it says nothing of those behind.
        done = subprocess.run([*command, case["file"]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        told = done.stdout.decode("utf-8", "replace")
        return "pass" if re.search(r": verification .* succeeded$", told, re.M) else told[-300:]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield from pool.map(verdict, cases)


def main(asked, answered):
    cases = [json.loads(line) for line in pathlib.Path(asked).read_text().splitlines()]
    verdicts = zip(map(by_dkimpy, cases), by_opendkim(cases), strict=True)
    pathlib.Path(answered).write_text("".join(json.dumps(verdict) + "\n" for verdict in verdicts))


main(*sys.argv[1:])
