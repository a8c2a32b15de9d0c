"""Flipped bits: what is published is served right, refused with an error, or left out, and never wrong."""

import pathlib
import random
import shutil
import sqlite3
import tempfile
import time

from desk import Failed, Server, prepare

SHORT, LONG = 60, 1000
NAMES = 12


def run(times):
    dice = random.Random()
    counts = {"right": 0, "refused": 0, "lacking": 0, "not started": 0}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        whole = folder / "whole"
        whole.mkdir()
        fill(whole)
        right = published(Server, whole)
        sound = (whole / "postroom.db").read_bytes()
        # Damage to the header, the schema or the list of migrations may keep the server from starting.
        schema = walk(sound, [1]) | pages_of(whole / "postroom.db", ["refinery_schema_history"])
        shown = sorted(pages_of(whole / "postroom.db", ["domain", "dkim_key", "webhook_key", "record"]))
        for number in range(times):
            # Anywhere in the file, and every other time where what is published stands.
            place = dice.randrange(len(sound) * 8)
            if number % 2:
                place = (dice.choice(shown) - 1) * 4096 * 8 + dice.randrange(4096 * 8)
            case = folder / "case"
            shutil.rmtree(case, ignore_errors=True)
            case.mkdir()
            for name in ("postroom.db.key", "api-key"):
                shutil.copy2(whole / name, case / name)
            octets = bytearray(sound)
            octets[place // 8] ^= 1 << place % 8
            (case / "postroom.db").write_bytes(octets)
            (case / "postroom.db").chmod(0o600)
            page = place // 8 // 4096 + 1
            where = f"bit {place} (page {page})"
            server = Server(case, may_fail=True)
            if not server.started:
                server.close()
                if page not in schema:
                    raise Failed(f"{where}: the server does not start: {server.said()}")
                counts["not started"] += 1
                continue
            try:
                compare(right, served(server.client()), where, counts)
            finally:
                server.kill()
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    return f"{times} flips; answers and starts: {told}"


def fill(folder):
    """A database with something of everything that is published."""
    prepare(folder)
    server = Server(folder)
    client = server.client()
    for number in range(NAMES):
        made = client.ask("POST", "/v2/domain", {"domain": f"d{number}.example.org", "user_id": "u"})
        if made is None or made[0] != 201:
            raise Failed(f"no domain is made: {made}")
    for number in range(4):
        client.ask("PUT", f"/inbound/v1/domains/d{number}.example.org/settings",
                   {"admins": ["jo@example.com"], "aliases": [f"alias{number}.example.org"]})
    # Until what is there has its checksums.
    wait_for_checksums(folder)
    if server.stop() != 0:
        raise Failed("the server does not stop")
    conn = sqlite3.connect(folder / "postroom.db")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()


def wait_for_checksums(folder):
    conn = sqlite3.connect(f"file:{folder}/postroom.db?mode=ro", uri=True)
    until = time.time() + 30
    tables = ("domain", "dkim_key", "webhook_key", "record")
    while any(conn.execute(f"SELECT count(*) FROM {table} WHERE checksum IS NULL").fetchone()[0] for table in tables):
        if time.time() > until:
            raise Failed("rows without a checksum stay so")
        time.sleep(0.1)
    conn.close()


def pages_of(file, tables):
    """The pages of these tables and of their indexes."""
    conn = sqlite3.connect(file)
    roots = [root for table in tables for (root,) in conn.execute(
        "SELECT rootpage FROM sqlite_schema WHERE tbl_name = ? AND rootpage > 0", (table,))]
    conn.close()
    return walk(file.read_bytes(), roots)


def walk(octets, roots):
    """The pages of the trees with these roots."""
    size, pages, left = int.from_bytes(octets[16:18], "big"), set(), list(roots)
    while left:
        number = left.pop()
        pages.add(number)
        page = octets[(number - 1) * size:number * size]
        start = 100 if number == 1 else 0
        kind, cells = page[start], int.from_bytes(page[start + 3:start + 5], "big")
        if kind in (2, 5):
            left.append(int.from_bytes(page[start + 8:start + 12], "big"))
            for cell in range(cells):
                at = int.from_bytes(page[start + 12 + 2 * cell:start + 14 + 2 * cell], "big")
                left.append(int.from_bytes(page[at:at + 4], "big"))
        elif kind == 13:
            for cell in range(cells):
                at = int.from_bytes(page[start + 8 + 2 * cell:start + 10 + 2 * cell], "big")
                overflow(octets, size, page, at, pages)
    return pages


def overflow(octets, size, page, at, pages):
    """The pages in which the rest of a long cell stands."""
    length, at = varint(page, at)
    _, at = varint(page, at)
    most, least = size - 35, (size - 12) * 32 // 255 - 23
    if length <= most:
        return
    here = least + (length - least) % (size - 4)
    here = here if here <= most else least
    number = int.from_bytes(page[at + here:at + here + 4], "big")
    while number:
        pages.add(number)
        number = int.from_bytes(octets[(number - 1) * size:(number - 1) * size + 4], "big")


def varint(page, at):
    value = 0
    for octet in range(9):
        byte = page[at + octet]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + octet + 1
    return value, at + 9


def published(start, folder):
    server = start(folder)
    answers = served(server.client())
    server.stop()
    if any(answer is None for answer in answers.values()):
        raise Failed("an answer over a sound file is an error")
    return answers


def served(client):
    """What is published, by what was asked; none for an error. A list is a table by the name of each item."""
    answers = {}

    def ask(path, shape):
        answer = client.ask("GET", path)
        try:
            answers[path] = shape(answer[1]) if answer is not None and answer[0] == 200 else None
        except (KeyError, TypeError) as error:
            raise Failed(f"{path}: {error!r} in {answer}")

    def mailpace(domain):
        return {field: domain[field] for field in ("url", "dkim_selector", "dkim_string", "webhook_public_key")}

    def records(dns):
        return [[record[field] for field in ("record_type", "host", "expected_value", "priority")] for record in dns]

    ask("/api/v1/domains?limit=200", lambda all: {domain["id"]: mailpace(domain) for domain in all})
    ask("/v2/domains?user_id=u&limit=200", lambda all: {domain["id"]: domain["domain"] for domain in all["items"]})
    ask("/v1/dkim/keys?limit=100", lambda all: {
        f"{key['signing_domain']} {key['selector']}": [key["dns_record"]["name"], key["dns_record"]["value"]] for key in all["items"]})
    ask("/inbound/v1/domains?limit=5000", lambda all: {domain["domain"]: domain["domain"] for domain in all["domains"]})
    for number in range(NAMES):
        ask(f"/v2/domains/d{number}.example.org/info?user_id=u",
            lambda whole: [whole["domain"]["domain"], records(whole["dns"])])
        ask(f"/api/v1/domains/{number + 1}", mailpace)
        ask(f"/postroom/v1/domains/d{number}.example.org/keys",
            lambda whole: [[key["selector"], key["record"]["name"], key["record"]["value"]] for key in whole["keys"]])
    client.close()
    return answers


def compare(right, found, where, counts):
    for path, answer in found.items():
        expected = right[path]
        if answer is None:
            counts["refused"] += 1
        elif answer == expected:
            counts["right"] += 1
        elif lacks(expected, answer):
            counts["lacking"] += 1
        else:
            raise Failed(f"{where}: GET {path} is\n{answer}\nand not\n{expected}")


def lacks(whole, part):
    """Whether the second is the first without some of its items; what a domain has none of is null."""
    if part is None or part == whole:
        return True
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(name in whole and lacks(whole[name], value) for name, value in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        left = iter(whole)
        return all(any(lacks(item, value) for item in left) for value in part)
    return False
