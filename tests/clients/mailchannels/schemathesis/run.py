"""Requests of every kind, made by the unmodified schemathesis from MailChannels' Swagger file, and their replies checked.

Prints what schemathesis prints, and exits with 1 if a reply is not as the file has it, or if an operation is left out. What it
needs in the environment stands in ../README.md; what it makes and checks, in schemathesis.toml.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
FILE = HERE / "../../../fixtures/mailchannels/inbound-1.2.0.swagger.json"

# The statuses that are allowed beside those of the file: each with the operations that may answer so, and why. The body is
# an ErrorResponse all the same.
EVERY = "every operation"
ALLOWED = (
    (401, EVERY, "the file asks for a key everywhere, and says nowhere but twice what is answered without one"),
    (404, "GET /lists/{listname}", "no such list; the file has nothing but 500"),
    (404, "POST /lists/{listname}", "no such list; the file has 400 for the item alone"),
    (404, "DELETE /lists/{listname}", "no such list; the file has nothing but 500"),
    (400, "DELETE /lists/{listname}", "no item; the file has nothing but 500"),
    (400, "GET /users/{email}/lists/{listname}", "no address"),
    (400, "DELETE /users/{email}/lists/{listname}", "no address, or no item"),
    (404, "PUT /users", "a domain that is not there; the file has no status for it"),
)


def fail(why):
    sys.exit(f"FAILED: schemathesis: {why}")


def env(name):
    return os.environ.get(name) or fail(f"{name} is missing")


URL, KEY = env("POSTROOM_URL"), env("POSTROOM_KEY")


def ask(method, path, body):
    """Makes a call that must succeed."""
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/inbound/v1{path}", data, headers, method=method)
    try:
        urllib.request.urlopen(request, timeout=20).close()
    except urllib.error.HTTPError as error:
        fail(f"{method} {path}: {error.code} {error.read().decode()}")


def amended(spec):
    """The file, with what is allowed beside it."""
    for status, where, reason in ALLOWED:
        for path, methods in spec["paths"].items():
            for method, operation in methods.items():
                if where in (EVERY, f"{method.upper()} {path}"):
                    reply = {"description": reason, "schema": {"$ref": "#/definitions/ErrorResponse"}}
                    operation["responses"].setdefault(str(status), reply)
    return spec


for name in ("st-1", "st-2", "st-leaving", "xn--bcher-kva"):
    ask("POST", "/domains", {"domain": f"{name}.example.com", "subscriptionHandle": "default"})
for email in ("user@st-1.example.com", "jo%2Bx@st-2.example.com"):
    ask("PUT", f"/users?email_address={email}&admin=false", {})

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "swagger.json"
    file.write_text(json.dumps(amended(json.loads(FILE.read_text()))))
    program = Path(sys.executable).with_name("schemathesis")
    arguments = ["--config-file", HERE / "schemathesis.toml", "run", file, "--origin", URL, "--no-color"]
    ran = subprocess.run(
        [program, *arguments, "-H", f"X-API-Key: {KEY}"],
        env=os.environ | {"SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(HERE)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
print(ran.stdout, ran.stderr, sep="", flush=True)
if ran.returncode != 0:
    fail(f"exit status {ran.returncode}")
# It succeeds, too, if it has left something out.
if not re.search(r"Selected: 25/25\s+Tested: 25\s", ran.stdout):
    fail("not every operation was tested")
