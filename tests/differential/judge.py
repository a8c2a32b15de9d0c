"""Judges cases with independent implementations: judge.py CASES VERDICTS.

A case is a line of JSON: its kind, its zone, and what is asked for. A verdict is a line [works, why, results]:

- dkim: whether OpenDKIM and rspamd verify a message that was signed with the right key, if the DNS has this record; and
  which of them, Mail::DKIM and dkimpy do not.
- spf, spf-addresses: whether pyspf passes each of the hosts that our mechanism covers; the results are those of the hosts.
- dmarc: whether checkdmarc finds one record, can read it, and finds a policy as strict as the one asked for.
"""

import json
import logging
import multiprocessing
import pathlib
import sys

import checkdmarc.dmarc
import dns.resolver
import spf

import receivers

POLICIES = ["none", "quarantine", "reject"]


def texts(case):
    """The strings of each TXT record, by name."""
    for name, kind, data in case["records"]:
        if kind == "TXT":
            yield name, [bytes.fromhex(string) for string in data]


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


JUDGES = {"spf": judge_spf, "spf-addresses": judge_spf, "dmarc": judge_dmarc}


def judge(case):
    works, why, *results = JUDGES[case["kind"]](case)
    return [bool(works), why, results[0] if results else []]


def main():
    logging.disable(logging.CRITICAL)
    asked, answered = sys.argv[1:]
    cases = [json.loads(line) for line in pathlib.Path(asked).read_text().splitlines()]
    others = [case for case in cases if case["kind"] != "dkim"]
    with multiprocessing.Pool(2) as pool:
        of_others = iter(pool.map(judge, others, chunksize=250))
    signed = [(case["key"], [strings for _, strings in texts(case)]) for case in cases if case["kind"] == "dkim"]
    of_signed = ([works, why, []] for works, why in receivers.judge(signed))
    judged = [next(of_signed if case["kind"] == "dkim" else of_others) for case in cases]
    pathlib.Path(answered).write_text("".join(json.dumps(verdict) + "\n" for verdict in judged))


if __name__ == "__main__":
    main()
