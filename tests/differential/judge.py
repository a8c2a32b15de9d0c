"""Judges cases with independent implementations: judge.py CASES VERDICTS.

A case is a line of JSON: its kind, its zone, and what is asked for. A verdict is a line [works, why, results]:

- dkim: whether dkimpy verifies a message that was signed with the right key, if the DNS has this record.
- spf, spf-addresses: whether pyspf passes each of the hosts that our mechanism covers; the results are those of the hosts.
- dmarc: whether checkdmarc finds one record, can read it, and finds a policy as strict as the one asked for.
"""

import json
import logging
import multiprocessing
import pathlib
import sys

import checkdmarc.dmarc
import dkim
import dns.resolver
import spf

FOLDER = pathlib.Path(__file__).parent / "messages"
MESSAGES = {key: (FOLDER / f"{key}.eml").read_bytes() for key in ("rsa", "ed25519")}
POLICIES = ["none", "quarantine", "reject"]


def texts(case):
    """The strings of each TXT record, by name."""
    for name, kind, data in case["records"]:
        if kind == "TXT":
            yield name, [bytes.fromhex(string) for string in data]


def judge_dkim(case):
    # Of several records the first is taken, as dkimpy's own look-up does.
    value = b"".join(next(texts(case))[1])

    def answer(_name, timeout=5):
        return value

    try:
        dkim.load_pk_from_dns(b"pr1._domainkey.example.com.", dnsfunc=answer)
    except Exception as error:
        return False, f"no key: {type(error).__name__}"
    try:
        works = dkim.verify(MESSAGES[case["key"]], dnsfunc=answer)
    except Exception as error:
        return False, f"no signature: {type(error).__name__}"
    return works, "verified" if works else "not verified"


def judge_spf(case):
    zone = {}
    for name, kind, data in case["records"]:
        if kind == "TXT":
            data = tuple(bytes.fromhex(string) for string in data)
        elif kind == "MX":
            data = tuple(data)
        zone.setdefault((name, kind), []).append(data)

    def lookup(name, kind, strict=True, timeout=20):
        return [((name, kind), data) for data in zone.get((name.lower().rstrip("."), kind), [])]

    spf.DNSLookup = lookup
    results = []
    for host in case["hosts"]:
        try:
            result, _ = spf.check2(i=host, s="jo@example.com", h="mail.example.net", querytime=0)
        except Exception as error:
            result = f"crash: {type(error).__name__}"
        results.append(result)
    wrong = [result for result in results if result != "pass"]
    return not wrong, wrong[0] if wrong else "pass", results


def judge_dmarc(case):
    # As checkdmarc has it of its resolver: strings joined, quotes and backslashes escaped as in a zone file.
    records = [b"".join(strings).decode("utf-8", "replace") for _, strings in texts(case)]
    checkdmarc.dmarc.query_dns = lambda *_, **__: records
    checkdmarc.dmarc.get_mx_records = lambda *_, **__: [{"hostname": "mail.example.com"}]
    try:
        record = checkdmarc.dmarc._query_dmarc_record(
            "example.com", ignore_unrelated_records=True, apex_fallback=False
        )
        if record is None:
            return False, "no record"
        tags = checkdmarc.dmarc.parse_dmarc_record(record, "example.com", ignore_unrelated_records=True)["tags"]
    except dns.exception.DNSException:
        raise
    except Exception as error:
        return False, type(error).__name__
    published = tags["p"]["value"]
    works = POLICIES.index(published) >= POLICIES.index(case["key"])
    return works, "read" if works else "weaker"


JUDGES = {"dkim": judge_dkim, "spf": judge_spf, "spf-addresses": judge_spf, "dmarc": judge_dmarc}


def judge(line):
    case = json.loads(line)
    works, why, *results = JUDGES[case["kind"]](case)
    return json.dumps([bool(works), why, results[0] if results else []])


def main():
    logging.disable(logging.CRITICAL)
    cases, verdicts = sys.argv[1:]
    lines = pathlib.Path(cases).read_text().splitlines()
    with multiprocessing.Pool(2) as pool:
        judged = pool.map(judge, lines, chunksize=250)
    pathlib.Path(verdicts).write_text("\n".join(judged) + "\n")


if __name__ == "__main__":
    main()
