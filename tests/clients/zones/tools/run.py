"""What postroom exports of each zone, read by the tools that it is for, and the same in all of them.

Exits with 1 if a tool refuses a file, or if two tools understand different records. What it needs in the environment stands in
../README.md.
"""

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import hcl2
from octodns.provider.yaml import YamlProvider
from octodns.zone import Zone

# What DNSControl's file calls; each note is the zone's name, the type, the name and the values.
NOTES = """
const notes = [];
const TTL = (ttl) => ({ ttl });
const note = (type) => (name, ...rest) => ({ type, name, values: rest.filter((each) => each.ttl === undefined) });
const [TXT, MX, CNAME] = ["TXT", "MX", "CNAME"].map(note);
const D_EXTEND = (zone, ...records) => notes.push(...records.map((record) => ({ zone, ...record })));
"""


def fail(why):
    sys.exit(f"FAILED: zones: {why}")


EXPORT = Path(os.environ.get("POSTROOM_EXPORT") or fail("POSTROOM_EXPORT is missing"))


def full(relative, zone):
    return f"{zone}." if relative in ("", "@", None) else f"{relative}.{zone}."


def joined(text):
    """The strings of a TXT record in a zone file, as one."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace("\\;", ";")


def bind(zone):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "zone"
        head = f"$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
        file.write_text(head + (EXPORT / "bind" / f"{zone}.zone").read_text())
        ran = subprocess.run(
            ["named-checkzone", "-i", "local", "-k", "fail", "-D", "-o", "-", zone, file],
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        )
    if ran.returncode != 0:
        fail(f"named-checkzone: {zone}: {ran.stderr}{ran.stdout}")
    found = set()
    for line in ran.stdout.splitlines():
        parts = line.split(None, 4)
        if len(parts) == 5 and parts[3] in ("TXT", "MX", "CNAME"):
            name, _, _, kind, value = parts
            found.add((name, kind, joined(value) if kind == "TXT" else value))
    return found


def octodns(zone):
    found = set()
    provider = YamlProvider("postroom", str(EXPORT / "octodns"))
    read = Zone(f"{zone}.", [])
    provider.populate(read)
    for record in read.records:
        for value in getattr(record, "values", None) or [record.value]:
            if record._type == "MX":
                value = f"{value.preference} {value.exchange}"
            found.add((record.fqdn, record._type, str(value).replace("\\;", ";")))
    return found


def terraform(zone):
    plain = lambda text: text[1:-1] if isinstance(text, str) and text.startswith('"') else text
    found = set()
    with (EXPORT / "terraform" / f"{zone}.tf").open() as file:
        resources = hcl2.load(file)["resource"]
    for resource in resources:
        [(kind, named)] = resource.items()
        [record] = named.values()
        name = full(plain(record.get("name")), plain(record["zone"]).rstrip("."))
        match plain(kind):
            case "dns_txt_record_set":
                found |= {(name, "TXT", plain(text)) for text in record["txt"]}
            case "dns_cname_record":
                found.add((name, "CNAME", plain(record["cname"])))
            case "dns_mx_record_set":
                found |= {(name, "MX", f"{mx['preference']} {plain(mx['exchange'])}") for mx in record["mx"]}
            case other:
                fail(f"terraform: {zone}: {other}")
    return found


def dnscontrol(zone):
    program = NOTES + (EXPORT / "dnscontrol" / f"{zone}.js").read_text() + "\nconsole.log(JSON.stringify(notes));"
    ran = subprocess.run(["node", "-"], input=program, capture_output=True, text=True)
    if ran.returncode != 0:
        fail(f"node: {zone}: {ran.stderr}")
    return {
        (full(note["name"], note["zone"]), note["type"], " ".join(str(value) for value in note["values"]))
        for note in json.loads(ran.stdout)
    }


# OctoDNS tells of what it does not like by its log, too.
logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
zones = sorted(file.stem for file in (EXPORT / "bind").glob("*.zone"))
if not zones:
    fail("there is nothing to read")
for zone in zones:
    read = {each.__name__: each(zone) for each in (bind, octodns, terraform, dnscontrol)}
    for tool, records in read.items():
        if records != read["bind"]:
            fail(f"{zone}: {tool} and bind differ in {sorted(records ^ read['bind'])}")
    print(f"{zone}: {len(read['bind'])} records, the same to all tools")
