"""Every operation of MailChannels' Swagger file through the unmodified bravado, which makes its calls from that file.

Prints one line a call, and stops at the first that fails, with 1. What it needs in the environment stands in
../README.md. What the client sends and checks:

- it takes host, scheme and base path from the file; only the first two are changed here
- it checks what it sends and what it gets against the file; of a reply only a body that is said to be JSON, and none from
  500 on; a status that the file does not have makes an error that says so, and leaves the body unread
- names and addresses in the path are percent-encoded, `@` and `+` too; an array in the query is one value with commas
- a flag is `true` or `false`; GET and DELETE have no body and say nothing of one
- nothing is asked twice
"""

import json
import os
import sys
import traceback
import warnings
from pathlib import Path
from urllib.parse import urlsplit

# What it stands on is being replaced, and says so.
warnings.simplefilter("ignore", DeprecationWarning)

from bravado.client import SwaggerClient  # noqa: E402
from bravado.exception import HTTPError  # noqa: E402
from bravado.requests_client import RequestsClient  # noqa: E402

FILE = Path(__file__).parent / "../../../fixtures/mailchannels/inbound-1.2.0.swagger.json"

# Statuses of the file that no call here can bring about: the server never answers so, and why.
NEVER = {
    500: "a failure of the server's own, which no request brings about",
    ("get_subscriptions", 404): "every account has a subscription",
    ("post_domains_batch", 400): "a name that is none is its item's error, and the client sends nothing else that is wrong",
    ("post_report", 403): "every message is taken",
    ("post_report", 404): "every message is taken",
}


def fail(call, why):
    sys.exit(f"FAILED: bravado: {call}: {why}")


def env(name):
    return os.environ.get(name) or fail("start", f"{name} is missing")


def holds(call, condition, why):
    if not condition:
        fail(call, why)


def equal(call, found, expected):
    holds(call, found == expected, f"{found!r}, not {expected!r}")


URL = urlsplit(env("POSTROOM_URL"))
SPEC = json.loads(FILE.read_text()) | {"host": URL.netloc, "schemes": [URL.scheme]}
CONFIG = {
    "use_models": False,
    "validate_swagger_spec": True,
    "validate_requests": True,
    "validate_responses": True,
    # Half of the file's definitions say nothing of their type, and would not be looked at.
    "default_type_to_object": True,
}
# The statuses that each operation has answered with.
SEEN = {}
# The call that was made last, for a reply of another shape than the lines below take for granted.
LAST = ["start"]


def surprised(kind, error, trace):
    traceback.print_exception(kind, error, trace)
    print(f"FAILED: bravado: {LAST[0]}: {kind.__name__}: {error}", file=sys.stderr)


sys.excepthook = surprised


class Caller:
    """One key, and the operations by their names, such as `get_domains`."""

    def __init__(self, key):
        http = RequestsClient()
        http.set_api_key(URL.hostname if URL.port is None else URL.netloc, key, param_name="X-API-Key", param_in="header")
        client = SwaggerClient.from_spec(SPEC, http_client=http, config=CONFIG)
        self.operations = {}
        for tag in dir(client):
            resource = getattr(client, tag)
            self.operations |= {name: getattr(resource, name) for name in dir(resource)}

    def sent(self, call, name, parameters):
        """The status, the Content-Type and the body of a reply; whether the file has that status."""
        LAST[0] = call
        try:
            reply = self.operations[name](**parameters).response()
            return reply.metadata.status_code, reply.metadata.headers, reply.result, True
        except HTTPError as error:
            documented = "not found for operation" not in (error.message or "")
            result = error.swagger_result if documented else error.response.json()
            return error.response.status_code, error.response.headers, result, documented
        except Exception as error:  # What the file does not allow, in many classes.
            fail(call, f"{type(error).__name__}: {error}")

    def ok(self, call, name, status=200, **parameters):
        """A call that is answered with this status, which is in the file; what the reply has."""
        found, headers, result, _ = self.sent(call, name, parameters)
        holds(call, found == status, f"{found}, not {status}: {result}")
        if result is None:
            holds(call, headers.get("content-length", "0") == "0" or found == 200, "there is a body")
        else:
            holds(call, headers.get("content-type", "").startswith("application/json"), headers)
        SEEN.setdefault(name, set()).add(found)
        print(f"ok {call}", flush=True)
        return result

    def refused(self, call, name, status, in_file=True, **parameters):
        """A call that is refused with this status, by an ErrorResponse; it is in the file, or is said not to be."""
        found, headers, result, documented = self.sent(call, name, parameters)
        holds(call, found == status, f"{found}, not {status}: {result}")
        holds(call, documented == in_file, f"the file {'has' if documented else 'does not have'} {found}")
        holds(call, headers.get("content-type", "").startswith("application/json"), headers)
        holds(call, isinstance(result, dict) and result.get("code") == status, result)
        holds(call, isinstance(result.get("message"), str) and result["message"], result)
        errors = result.get("errors")
        holds(call, isinstance(errors, list) and all(isinstance(one, str) for one in errors), result)
        SEEN.setdefault(name, set()).add(found)
        print(f"ok {call}: {found} {result['message']}", flush=True)


MINE, SECOND, FOREIGN = (Caller(env(f"POSTROOM_{key}")) for key in ("KEY", "SECOND_KEY", "FOREIGN_KEY"))
NOBODY = Caller("nobody")
UNKNOWN, ALIAS, TAKEN = "unknown.example.org", "py-alias.example.com", "py-foreign.example.com"
# A domain that has no route of its own for `MINE`, and the status that says so.
NOWHERE = ((UNKNOWN, 404), (TAKEN, 404), (ALIAS, 403), ("py-bad", 400))
SETTINGS = {"abusePolicy": "quarantine", "abusePolicyOverride": False, "spamHeaderName": "X-Spam", "spamHeaderValue": "yes"}
ADDRESSES = [{"priority": 5, "weight": n, "port": 25, "target": f"mx{n}.example.net."} for n in range(10)]


def domain(name, handle="default", **more):
    return {"domain": name, "subscriptionHandle": handle} | more


def is_domain(call, found, expected):
    """What the file requires is checked already; this is what was sent, with lists that are there if they are empty."""
    empty = {"admins": [], "aliases": [], "downstreamAddresses": []}
    for field, value in (empty | expected).items():
        if field == "settings":
            equal(f"{call}: settings", {key: found["settings"].get(key) for key in value}, value)
        else:
            equal(f"{call}: {field}", found[field], value)


def service():
    MINE.ok("status", "get_status")
    NOBODY.ok("status without a known key", "get_status")
    found = {one["handle"]: one for one in MINE.ok("subscriptions", "get_subscriptions")}
    equal("subscriptions", sorted(found), ["default", "small"])
    NOBODY.refused("subscriptions: unknown key", "get_subscriptions", 401, in_file=False)
    message = "From: a@example.net\r\nTo: b@example.com\r\n\r\nText\r\n"
    for kind in ("false_negative", "false_positive"):
        body = {
            "messageContent": message,
            "smtpEnvelopeInformation": {"ehlo": "mx.example.net", "mailFrom": "", "rcptTo": "b@example.com"},
            "sendingHostInformation": {"name": "mx.example.net"},
        }
        MINE.ok(f"report {kind}", "post_report", 204, report_type=kind, report_request_body=body)
    body = {"messageContent": "nothing of the kind"}
    MINE.refused("report: no message", "post_report", 400, report_type="false_positive", report_request_body=body)
    NOBODY.refused("report: unknown key", "post_report", 401, report_type="false_positive", report_request_body=body)


def provisioning():
    name = "post_domains"
    whole = domain(
        "py-whole.example.com",
        settings=SETTINGS,
        admins=["admin@example.net"],
        downstreamAddresses=ADDRESSES,
        aliases=[ALIAS],
    )
    bare = domain("py-bare.example.com")
    is_domain("provision", MINE.ok("provision", name, 201, domain=bare), bare)
    is_domain("provision all", MINE.ok("provision all", name, 201, domain=whole), whole)
    call = "provision again"
    is_domain(call, MINE.ok(call, name, 200, domain=domain("py-whole.example.com", admins=[])), whole)
    call, other = "provision: overwrite", domain("py-whole.example.com", admins=[])
    is_domain(call, MINE.ok(call, name, 200, domain=other, overwrite=True), whole | {"admins": []})
    call, null = "provision: null settings", dict.fromkeys(SETTINGS)
    MINE.ok(call, name, 201, domain=domain("py-null.example.com", settings=null))
    MINE.ok("provision: tied", name, 201, domain=domain("py-tied.example.com"), **{"associate-key": True})
    FOREIGN.ok("provision for another account", name, 201, domain=domain(TAKEN))
    for n in (1, 2):
        MINE.ok(f"provision {n} of 2", name, 201, domain=domain(f"py-small-{n}.example.com", "small"))
    none = "py-none.example.com"
    MINE.refused("provision: the limit", name, 403, domain=domain(none, "small"))
    MINE.refused("provision: unknown subscription", name, 403, domain=domain(none, "unknown"))
    MINE.refused("provision: an alias", name, 403, domain=domain(ALIAS))
    MINE.refused("provision: no name of a domain", name, 400, domain=domain("py-bad"))
    MINE.refused("provision: of another account", name, 409, domain=domain(TAKEN))
    SECOND.refused("provision: tied to another key", name, 403, domain=domain("py-tied.example.com"))
    NOBODY.refused("provision: unknown key", name, 401, in_file=False, domain=domain(none))

    name, handle = "post_domains_batch", {"subscriptionHandle": "default"}
    new = {
        "downstreamAddress": ADDRESSES,
        "settings": SETTINGS,
        "admins": ["a@example.net"],
        "aliases": ["py-also.example.com"],
    }
    items = [
        {"domain": "py-bulk.example.com"} | new,
        {"domain": "py-bare.example.com"},
        {"domain": "py-bad"},
        {"domain": TAKEN},
    ]
    found = MINE.ok("bulk", name, body={"domains": items}, overwrite=True, **handle)
    equal(
        "bulk: successes",
        [one["domain"]["domain"] for one in found["successes"]],
        ["py-bulk.example.com", "py-bare.example.com"],
    )
    new["downstreamAddresses"] = new.pop("downstreamAddress")
    is_domain("bulk", found["successes"][0]["domain"], domain("py-bulk.example.com", **new))
    equal(
        "bulk: errors", [(one["domain"]["domain"], one["code"]) for one in found["errors"]], [("py-bad", 400), (TAKEN, 409)]
    )
    found = SECOND.ok("bulk: tied to another key", name, body={"domains": [{"domain": "py-tied.example.com"}]}, **handle)
    equal("bulk: tied to another key", (found["successes"], len(found["errors"])), ([], 1))
    found = MINE.ok("bulk: nothing", name, body={"domains": []}, **handle)
    equal("bulk: nothing", found, {"successes": [], "errors": []})
    one = {"body": {"domains": [{"domain": none}]}}
    MINE.refused("bulk: unknown subscription", name, 403, subscriptionHandle="unknown", **one)
    MINE.refused("bulk: the limit", name, 403, subscriptionHandle="small", **one)
    bad = {"body": {"domains": [{"domain": none, "settings": {"abusePolicy": "block"}}]}}
    NOBODY.refused("bulk: unknown key", name, 401, in_file=False, subscriptionHandle="default", **bad)


def listing():
    name = "get_domains"
    every = MINE.ok("list all", name, limit=5000)
    equal("list all", every["total"], len(every["domains"]))
    equal("list", len(MINE.ok("list", name)["domains"]), min(10, every["total"]))
    pages = []
    for offset in range(0, every["total"], 2):
        pages += MINE.ok(f"list from {offset}", name, limit=2, offset=offset)["domains"]
    # What stands in the way changes meanwhile: a first key is made in the background.
    def set_of(domains):
        return [{field: each[field] for field in each if field not in ("reason", "reasons", "signing")} for each in domains]

    equal("pages", set_of(pages), set_of(every["domains"]))
    some = MINE.ok("list some", name, domains=["py-bare.example.com", "py-whole.example.com", UNKNOWN, TAKEN])
    equal(
        "list some",
        (sorted(one["domain"] for one in some["domains"]), some["total"]),
        (["py-bare.example.com", "py-whole.example.com"], 2),
    )
    MINE.refused("list: no name of a domain", name, 400, domains=["py-bad"])
    MINE.refused("list: offset", name, 400, offset=-1)
    tied = SECOND.ok("list: tied to another key", name, domains=["py-tied.example.com"])
    equal("list: tied to another key", tied, {"domains": [], "total": 0})


def of_a_domain():
    name, put = "get_domains_domain_downstream_address", "put_domains_domain_downstream_address"
    one = {"domain": "py-bare.example.com"}
    equal("put", MINE.ok("put downstream addresses", put, 201, records={"records": ADDRESSES}, **one)["records"], ADDRESSES)
    equal("get", MINE.ok("get downstream addresses", name, **one)["records"], ADDRESSES)
    equal("get", MINE.ok("get a page", name, limit=3, offset=8, **one)["records"], ADDRESSES[8:])
    equal("put", MINE.ok("put none", put, 201, records={"records": []}, **one)["records"], [])

    name = "put_domains_domain_settings"
    MINE.ok(
        "settings",
        name,
        settings=SETTINGS | {"aliases": ["py-new.example.com"], "downstreamAddresses": ADDRESSES[:1]},
        **one,
    )
    found = MINE.ok("settings: as set", "get_domains", domains=[one["domain"]])["domains"][0]
    expected = {"settings": SETTINGS, "aliases": ["py-new.example.com"], "downstreamAddresses": ADDRESSES[:1]}
    is_domain("settings", found, domain(one["domain"], **expected))
    MINE.ok("settings: the empty ones", name, settings={"admins": ["b@example.net"]}, **one)
    found = MINE.ok("settings: the others stay", "get_domains", domains=[one["domain"]])["domains"][0]
    is_domain("settings", found, domain(one["domain"], **expected, admins=["b@example.net"]))

    link = MINE.ok("login link", "get_domains_domain_login_link", **one)["loginLink"]
    holds("login link", urlsplit(link).netloc, link)
    name = "post_domains_batch_login_link"
    items = [{"domain": one["domain"]}, *({"domain": other} for other, _ in NOWHERE)]
    found = MINE.ok("bulk login links", name, body={"domains": items})
    equal("bulk login links", [(each["domain"], each["code"]) for each in found["successes"]], [(one["domain"], 200)])
    holds("bulk login links", urlsplit(found["successes"][0]["loginLink"]).netloc, found)
    equal("bulk login links: errors", [(each["domain"], each["code"]) for each in found["errors"]], list(NOWHERE))
    MINE.refused("bulk login links: no domains", name, 400, body={})

    name, alias = "post_domains_domain_alias_alias", "py-further.example.com"
    found = MINE.ok("alias", name, alias=alias, **one)
    equal(
        "alias",
        (found["alias"], found["domain"]["domain"], alias in found["domain"]["aliases"]),
        (alias, one["domain"], True),
    )
    for taken in (alias, "py-whole.example.com", ALIAS):
        MINE.refused(f"alias: {taken} is one", name, 409, alias=taken, **one)
    MINE.refused("alias: no name of a domain", name, 400, alias="py-bad", **one)
    MINE.ok("alias: delete", "delete_domains_domain_alias_alias", 204, alias=alias, **one)
    MINE.refused("alias: delete again", "delete_domains_domain_alias_alias", 404, alias=alias, **one)

    # Every route of a domain, where it is not the caller's.
    item, entry = {"item": {"item": "example.net"}}, {"item": "example.net"}
    of_list = {"listname": "safelist"}
    calls = {
        "get_domains_domain_downstream_address": {},
        "put_domains_domain_downstream_address": {"records": {"records": []}},
        "put_domains_domain_settings": {"settings": {}},
        "put_domains_domain_api_key": {"updates": {"apiKey": env("POSTROOM_KEY")}},
        "get_domains_domain_login_link": {},
        "post_domains_domain_alias_alias": {"alias": "py-none.example.com"},
        "delete_domains_domain_alias_alias": {"alias": "py-none.example.com"},
        "get_domains_domain_lists_listname": of_list,
        "post_domains_domain_lists_listname": of_list | item,
        "delete_domains_domain_lists_listname": of_list | entry,
        "delete_domains_domain": {},
    }
    for name, parameters in calls.items():
        for other, status in NOWHERE:
            MINE.refused(f"{name}: {other}", name, status, domain=other, **parameters)
        SECOND.refused(f"{name}: tied to another key", name, 403, domain="py-tied.example.com", **parameters)
        NOBODY.refused(
            f"{name}: unknown key",
            name,
            401,
            name == "get_domains_domain_login_link",
            domain="py-bare.example.com",
            **parameters,
        )


def lists():
    email = "Jo+x@py-bare.example.com"
    user = {"email_address": email, "admin": False, "filter": "compute"}
    entries = {"data": {"list_entries": {"safelist": ["192.0.2.1"], "blocklist": ["a@example.net"]}}}
    made = MINE.ok("user", "put_users", 201, **user, **entries)
    equal("user", (made["recipient"]["filter"], len(made["list_entries"])), (True, 2))
    MINE.ok("user again", "put_users", 200, **user)
    MINE.ok("user without a body", "put_users", 201, email_address="plain@py-bare.example.com", admin=True)
    MINE.ok(
        "user: the last protected", "put_users", 201, email_address="a@py-small-1.example.com", admin=False, filter="true"
    )
    MINE.refused("user: the limit", "put_users", 403, email_address="b@py-small-1.example.com", admin=False, filter="true")
    MINE.refused("user: no address", "put_users", 400, email_address="nobody", admin=False)
    MINE.refused("user: unknown domain", "put_users", 404, in_file=False, email_address=f"a@{UNKNOWN}", admin=False)
    NOBODY.refused("user: unknown key", "put_users", 401, in_file=False, **user)

    tiers = (
        ("{}_lists_listname", {}),
        ("{}_domains_domain_lists_listname", {"domain": "py-bare.example.com"}),
        ("{}_users_email_lists_listname", {"email": email}),
    )
    for name, at in tiers:
        get, post, delete = (name.format(method) for method in ("get", "post", "delete"))
        for spelled, action in (
            ("whitelist", "safelist"),
            ("blocklist", "blocklist"),
            ("safelist", "safelist"),
            ("blacklist", "blocklist"),
        ):
            at["listname"] = spelled
            for item, kind in (
                ("b+c@example.net", "email_address"),
                ("example.net", "domain"),
                ("2001:db8::/32", "ip_address"),
            ):
                made = MINE.ok(f"{post}: {item} into {spelled}", post, 201, item={"item": item}, **at)
                equal(post, made, {"item": item, "item_type": kind, "action": action})
            found = MINE.ok(f"{get}: {spelled}", get, **at)
            holds(
                get,
                sum(each == {"item": "example.net", "item_type": "domain", "action": action} for each in found) == 1,
                found,
            )
        MINE.ok(f"{delete}: 2001:db8::/32", delete, 204, item="2001:db8::/32", **at)
        MINE.ok(f"{delete}: b+c@example.net", delete, 204, item="b+c@example.net", **at)
        if name.startswith("{}_lists"):
            MINE.ok(f"{delete}: what is not there", delete, 204, item="absent.example.net", **at)
        else:
            MINE.refused(f"{delete}: what is not there", delete, 404, item="absent.example.net", **at)
        MINE.refused(f"{post}: no item", post, 400, item={"item": "no item"}, **at)
        NOBODY.refused(f"{get}: unknown key", get, 401, in_file=False, **at)

    item, entry = {"item": {"item": "example.net"}}, {"item": "example.net"}
    SECOND.refused("user: tied to another key", "put_users", 403, email_address="a@py-tied.example.com", admin=False)
    MINE.ok("user of a tied domain", "put_users", 201, email_address="a@py-tied.example.com", admin=False)
    for name, parameters in (
        ("get_users_email_lists_listname", {}),
        ("post_users_email_lists_listname", item),
        ("delete_users_email_lists_listname", entry),
    ):
        parameters = parameters | {"listname": "safelist"}
        MINE.refused(f"{name}: unknown", name, 404, email=f"absent@{UNKNOWN}", **parameters)
        SECOND.refused(f"{name}: tied to another key", name, 403, email="a@py-tied.example.com", **parameters)


def tying():
    name = "put_domains_domain_api_key"
    key = {"updates": {"apiKey": env("POSTROOM_SECOND_KEY")}}
    MINE.ok("api-key", name, 204, domain="py-tied.example.com", **key)
    MINE.refused("api-key: given away", name, 403, domain="py-tied.example.com", **key)
    SECOND.ok("api-key: given to", "get_domains_domain_login_link", domain="py-tied.example.com")


def leaving():
    for one in SECOND.ok("list what is left", "get_domains", limit=5000)["domains"]:
        SECOND.ok(f"delete {one['domain']}", "delete_domains_domain", 204, domain=one["domain"])
    equal("delete", MINE.ok("list nothing", "get_domains"), {"domains": [], "total": 0})


def all_is_seen():
    """Every operation of the file was asked, and answered with every status that it has there."""
    operations = MINE.operations
    equal("the file", (len(operations), sum(len(methods) for methods in SPEC["paths"].values())), (25, 25))
    for name, operation in operations.items():
        for status in map(int, operation.operation.op_spec["responses"]):
            if status in SEEN.get(name, ()):
                holds(name, (name, status) not in NEVER, f"{status} is never answered, and was")
            else:
                holds(name, status in NEVER or (name, status) in NEVER, f"nothing was answered with {status}")


service()
provisioning()
listing()
of_a_domain()
lists()
tying()
leaving()
all_is_seen()
