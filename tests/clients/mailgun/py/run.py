"""Every call of the domain-keys interface through the unmodified mailgun of PyPI, with nothing changed but its base URL.

Prints one line a call, and stops at the first that fails, with 1. What it needs in the environment stands in
../README.md. What the client sends and reads:

- it hands out replies as they are: no field is parsed, and a refusal is a reply like others; only `stream` raises
- `data` is a urlencoded body, with `files` beside it multipart; `filters` is the query; a body goes with any method
- `stream` stops at the first page without items, or with the `next` of the page before; of `next` it takes the query
  alone, over its own filters, each parameter turned into the type that the caller gave it
- 429, 500, 502, 503 and 504 are tried four times, with pauses
- plain http goes to localhost and 127.0.0.1 only
"""

import asyncio
import os
import sys
from pathlib import Path

from mailgun.client import AsyncClient, Client, Endpoint

HERE = Path(__file__).parent
PKCS1 = (HERE / "../pkcs1.pem").read_text()
PKCS8 = (HERE / "../pkcs8.pem").read_text()
PUBLISHED = "k=rsa; p=" + (HERE / "../public.p").read_text().strip()


def fail(call, why):
    sys.exit(f"FAILED: mailgun (Python): {call}: {why}")


def env(name):
    return os.environ.get(name) or fail("start", f"{name} is missing")


def holds(call, condition, why):
    if not condition:
        fail(call, why)


def answered(call, reply, status, message=None):
    """A reply with this status, and this message if there must be one; the JSON in it."""
    holds(call, reply.status_code == status, f"{reply.status_code}, not {status}: {reply.text}")
    kind = reply.headers["content-type"]
    holds(call, kind == "application/json; charset=utf-8", f"Content-Type {kind}")
    json = reply.json()
    if message is not None:
        found = json.get("message", "")
        whole = not message.endswith("…")
        holds(call, found == message if whole else found.startswith(message[:-1]) and found != message[:-1], found)
    print(f"ok {call}" + (f": {json['message']}" if status >= 400 else ""), flush=True)
    return json


def is_key(call, key, domain, selector):
    record = key["dns_record"]
    found = (key["signing_domain"], key["selector"], record["name"], record["record_type"])
    expected = (domain, selector, f"{selector}._domainkey.{domain}", "TXT")
    holds(call, found == expected, f"{found}, not {expected}")
    holds(call, isinstance(record["is_active"], bool) and isinstance(record["cached"], list), record)
    holds(call, record["valid"] in ("unknown", "valid", "invalid"), record)
    holds(call, record["value"].startswith("k=rsa; p="), record)


URL, KEY = env("POSTROOM_URL"), env("POSTROOM_KEY")
SERVED, UNSERVED, CHILD = env("POSTROOM_SERVED"), env("POSTROOM_UNSERVED"), env("POSTROOM_CHILD")
PAGED = env("POSTROOM_PAGED").split(",")
ALSO = os.environ.get("POSTROOM_ALSO", "").split(",")
UNKNOWN = "unknown.example.org"


def create(client):
    def made(call, domain, selector, more=None, **others):
        data = {"signing_domain": domain, "selector": selector} | (more or {})
        key = answered(call, client.dkim_keys.create(data=data, **others), 200)
        is_key(call, key, domain, selector)
        return key

    def refused(call, status, message, data, **others):
        answered(call, client.dkim_keys.create(data=data, **others), status, message)

    # POST /v1/dkim/keys, urlencoded.
    new = made("create", UNSERVED, "py-new", {"bits": 1024})["dns_record"]
    holds("create", (new["is_active"], new["valid"]) == (False, "unknown"), new)
    whole = made("create without bits", UNSERVED, "py-whole")["dns_record"]
    holds("create without bits", len(whole["value"]) > 350, f"2048 bits: {whole}")

    # A PEM as a text is urlencoded; as a file, it is a part with a file name.
    def files(pem):
        return [("pem", ("server.key", pem.encode()))]

    keys = [
        made("create with a PEM as text", SERVED, "text", {"pem": PKCS1}),
        made("create with a PEM as file", SERVED, "file", {"bits": "2048"}, files=files(PKCS1)),
        # Its documentation puts the name of the file beside the file, in a field of the same name.
        made("create with a PEM twice", SERVED, "both", {"pem": "server.key"}, files=files(PKCS1)),
    ]
    for key in keys:
        holds(key["selector"], key["dns_record"]["value"] == PUBLISHED, "another public half")

    of = {"signing_domain": UNSERVED, "selector": "py-bad"}
    refused("create: duplicate key", 400, "failed to create domain key: duplicate key", of | {"selector": "py-new"})
    bad = "failed to import domain key: failed to parse PEM"
    refused("create: no PEM as text", 400, bad, of | {"pem": "nonsense"})
    refused("create: no PEM as file", 400, bad, of, files=files("nonsense"))
    pkcs8 = "failed to import domain key: failed to parse private key: key must be PKCS1 format"
    refused("create: PKCS #8", 400, pkcs8, of, files=files(PKCS8))
    missing = "Missing mandatory parameter: "
    refused("create: no selector", 400, missing + "selector", {"signing_domain": UNSERVED})
    refused("create: no domain", 400, missing + "signing_domain", {"selector": "s"})
    refused("create: nothing", 400, missing + "…", None)
    refused("create: unknown domain", 404, "Domain not found", of | {"signing_domain": UNKNOWN})


def listing(client):
    # GET /v4/domains/{authority}/keys.
    items = answered("list", client.domains_keys.get(domain=SERVED), 200)["items"]
    found = {key["selector"]: key for key in items}
    for selector in ("text", "file", "both"):
        holds("list", selector in found, f"{selector} is not in {sorted(found)}")
        is_key("list", found[selector], SERVED, selector)
    unknown = answered("list: unknown domain", client.domains_keys.get(domain=UNKNOWN), 200)
    holds("list: unknown domain", unknown["items"] == [], unknown)

    # GET /v1/dkim/keys with the filters in the query; these are those of its examples.
    page = answered("list all", client.dkim_keys.get(), 200)
    holds("list all", set(page["paging"]) == {"first", "last", "next", "previous"}, page["paging"])
    holds("list all", all(link.startswith("http") for link in page["paging"].values()), page["paging"])
    sample = {"page": "string", "limit": "0", "signing_domain": SERVED, "selector": "text"}
    items = answered("list all with filters", client.dkim_keys.get(filters=sample), 200)["items"]
    holds("list all with filters", [key["selector"] for key in items] == ["text"], items)
    # A body with GET.
    items = answered("list all by a body", client.dkim_keys.get(data={"selector": "text"}), 200)["items"]
    holds("list all by a body", {key["selector"] for key in items} == {"text"}, items)

    expected = set()
    for n in range(25):
        domain, selector = PAGED[n % len(PAGED)], f"page-{n}"
        data = {"signing_domain": domain, "selector": selector, "bits": "1024"}
        answered(f"create {n + 1} of 25", client.dkim_keys.create(data=data), 200)
        expected.add((domain, selector))
    streamed("stream", expected, client.dkim_keys.stream())
    for filters in ({"limit": 7}, {"limit": "0", "page": ""}, {"limit": 100}):
        streamed(f"stream {filters}", expected, client.dkim_keys.stream(filters=filters))
    of = {pair for pair in expected if pair[0] == PAGED[0]}
    found = streamed("stream of a domain", of, client.dkim_keys.stream(filters={"signing_domain": PAGED[0], "limit": 4}))
    holds("stream of a domain", {domain for domain, _ in found} == {PAGED[0]}, found)
    return expected


def streamed(call, expected, keys):
    """The pager's keys: all that are expected, and each once."""
    found = []
    for key in keys:
        found.append((key["signing_domain"], key["selector"]))
        holds(call, len(found) < 1000, "it does not come to an end")
    holds(call, len(found) == len(set(found)), f"twice in {found}")
    holds(call, expected <= set(found), f"missing: {sorted(expected - set(found))}")
    print(f"ok {call}: {len(found)} keys", flush=True)
    return found


def switch(client, authority, selector, way):
    """PUT /v4/domains/{authority}/keys/{selector}/{way}.

    The name that the client has for it leaves the braces of its own template in the path. Its `Endpoint` builds
    the right one where it is given the parts, by the same code that builds the other paths of a domain.
    """
    url, headers = client.config["domains_keys"]
    endpoint = Endpoint(url | {"keys": ["domains", "keys", selector, way]}, headers, client.auth)
    return endpoint.put(domain=authority)


def switching(client):
    for selector in ("text", "file"):
        reply = answered(f"activate {selector}", switch(client, SERVED, selector, "activate"), 200)
        expected = {"message": "domain key activated", "authority": SERVED, "selector": selector, "active": True}
        holds("activate", reply == expected, reply)
    items = client.domains_keys.get(domain=SERVED).json()["items"]
    record = next(key["dns_record"] for key in items if key["selector"] == "text")
    holds("activate", record["is_active"] is True and record["valid"] == "valid" and record["cached"], record)
    failed = "failed to activate domain key: …"
    answered("activate: not in the DNS", switch(client, UNSERVED, "py-new", "activate"), 400, failed)
    unknown = "domain key not found"
    answered("activate: unknown key", switch(client, SERVED, "none", "activate"), 404, unknown)
    reply = answered("deactivate", switch(client, SERVED, "file", "deactivate"), 200)
    expected = {"message": "domain key deactivated", "authority": SERVED, "selector": "file", "active": False}
    holds("deactivate", reply == expected, reply)
    answered("deactivate: unknown key", switch(client, SERVED, "none", "deactivate"), 404, unknown)
    # As its own name for it has it: /v4/{domain}/%7Bauthority_name%7D/keys/%7Bselector%7D/activate.
    own = client.domains_keys_activate.put(domain=SERVED, authority_name=SERVED, selector="text")
    answered("activate by the client's own path", own, 404)


def deleting(client):
    # DELETE /v1/dkim/keys with the parameters in the query, or in a urlencoded body.
    keys = client.dkim_keys
    of = {"signing_domain": SERVED, "selector": "file"}
    answered("delete", keys.delete(filters=of), 200, "success")
    answered("delete: unknown key", keys.delete(filters=of), 404, "domain key not found")
    answered("delete by a body", keys.delete(data={"signing_domain": UNSERVED, "selector": "py-whole"}), 200, "success")
    answered("delete: nothing", keys.delete(), 400, "Missing mandatory parameter: …")
    answered("delete: no selector", keys.delete(filters={"signing_domain": SERVED}), 400, "Missing mandatory parameter: selector")
    for key in client.domains_keys.get(domain=SERVED).json()["items"]:
        if key["dns_record"]["is_active"] and key["selector"] != "text":
            selector = key["selector"]
            answered(f"deactivate {selector}", switch(client, SERVED, selector, "deactivate"), 200)
    last = "cannot delete domain key: must have at least one active domain key"
    answered("delete: the last active key", keys.delete(filters=of | {"selector": "text"}), 400, last)


def domain(client):
    # PUT /v3/domains/{name}/dkim_selector and dkim_authority, urlencoded.
    selector, authority = client.domains_dkimselector, client.domains_dkimauthority
    changed = "DKIM selector changed"
    answered("dkim_selector", selector.put(domain=SERVED, data={"dkim_selector": "renamed"}), 200, changed)
    items = client.domains_keys.get(domain=SERVED).json()["items"]
    found = {key["selector"]: key["dns_record"] for key in items}
    holds("dkim_selector", "renamed" in found and "text" not in found, sorted(found))
    record = found["renamed"]
    holds("dkim_selector", (record["value"], record["valid"]) == (PUBLISHED, "unknown"), record)
    answered("dkim_selector: left out", selector.put(domain=SERVED), 200)
    items = client.domains_keys.get(domain=SERVED).json()["items"]
    holds("dkim_selector: left out", {key["selector"] for key in items} == set(found), items)
    answered("dkim_selector: taken", selector.put(domain=SERVED, data={"dkim_selector": "both"}), 400)
    unknown = "Domain not found"
    answered("dkim_selector: unknown", selector.put(domain=UNKNOWN, data={"dkim_selector": "s"}), 404, unknown)

    for data, change in (({"self": "false"}, True), (None, False), ({"self": "true"}, True), ({"self": "yes"}, False)):
        call = f"dkim_authority {data}"
        message = "Domain DKIM authority has been changed" if change else "Domain DKIM authority has not been changed"
        reply = answered(call, authority.put(domain=CHILD, data=data), 200, message)
        holds(call, reply["changed"] is change and isinstance(reply["sending_dns_records"], list), reply)
    answered("dkim_authority: unknown", authority.put(domain=UNKNOWN, data={"self": "true"}), 404, unknown)

    if "domains" in ALSO:
        # GET /v4/domains by one name, and /v3/domains by the other; one domain, and verify, are /v3.
        for call in ("domainlist", "domains"):
            items = answered(call, getattr(client, call).get(filters={"limit": 2}), 200)["items"]
            holds(call, len(items) == 2, items)
        shown = answered("domain", client.domains.get(domain=SERVED), 200)
        holds("domain", shown["domain"]["name"] == SERVED, shown)
        shown = answered("verify", client.domains.put(domain=SERVED, verify=True), 200)
        holds("verify", shown["domain"]["name"] == SERVED, shown)
    if "rotation" in ALSO:
        # PUT /v1/dkim_management/domains/{name}/rotation, urlencoded; POST …/rotate with nothing.
        data = {"rotation_enabled": "true", "rotation_interval": "5d"}
        shown = answered("rotation", client.dkim_management_rotation.put(domain=SERVED, data=data), 200)
        holds("rotation", shown["domain"]["name"] == SERVED, shown)
        answered("rotate", client.dkim_management_rotate.create(domain=SERVED), 200)


async def asynchronous(expected):
    """The other half of the client, on another HTTP library: it gives a file a content type of its own guess."""
    async with AsyncClient(auth=("api", KEY), api_url=URL) as client:
        data = {"signing_domain": CHILD, "selector": "async"}
        files = [("pem", ("server.key", PKCS1.encode()))]
        key = answered("async create", await client.dkim_keys.create(data=data, files=files), 200)
        holds("async create", key["dns_record"]["value"] == PUBLISHED, key)
        found = [key async for key in client.dkim_keys.stream(filters={"limit": 9})]
        streamed("async stream", expected | {(CHILD, "async")}, found)
        answered("async delete", await client.dkim_keys.delete(filters=data), 200, "success")


def main():
    with Client(auth=("api", KEY), api_url=URL) as client:
        create(client)
        expected = listing(client)
        switching(client)
        deleting(client)
        domain(client)
    asyncio.run(asynchronous(expected))
    with Client(auth=("api", "wrong"), api_url=URL) as client:
        reply = client.dkim_keys.get()
        answered("a wrong key", reply, 401, "Invalid private key")
        realm = reply.headers["www-authenticate"]
        holds("a wrong key", realm == 'Basic realm="MG API"', realm)


main()
