"""Each document of /openapi/: read by openapi-spec-validator, then made into requests by schemathesis, whose answers are checked.

Prints what schemathesis prints, and exits with 1 if a document is not sound, if an answer is not as its document has it, or if
an operation is left out. What is made and checked stands in schemathesis.toml; what this needs in the environment, in
../README.md.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = Path(__file__).parent
# Seconds for the requests of one document; what is left then is not made.
MOST_SECONDS = os.environ.get("OPENAPI_SECONDS", "40")


def fail(why):
    sys.exit(f"FAILED: openapi: {why}")


def env(name):
    return os.environ.get(name) or fail(f"{name} is missing")


URL, KEY = env("POSTROOM_URL"), env("POSTROOM_KEY")
BASIC = base64.b64encode(f"api:{KEY}".encode()).decode()
CREDENTIALS = {
    "mailpace": f"MailPace-Organization-Token: {KEY}",
    "lifecycle": f"x-api-key: {KEY}",
    "mailgun": f"Authorization: Basic {BASIC}",
    "mailchannels": f"x-api-key: {KEY}",
    "native": f"Authorization: Bearer {KEY}",
}


def ask(method, path, body=None, credential="native"):
    """Makes a call that must succeed."""
    name, value = CREDENTIALS[credential].split(": ", 1)
    data = None if body is None else json.dumps(body).encode()
    headers = {name: value, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        fail(f"{method} {path}: {error.code} {error.read().decode()}")


def prepare():
    """What the requests find: domains, a token, a user. Those of one dialect are no other's, because all run at once."""
    for at in (1, 2):
        domain = ask("POST", "/api/v1/domains", {"url": f"mailpace-{at}.example.com"}, "mailpace")
        ask("POST", f"/api/v1/domains/{domain['id']}/api_tokens", {"name": "first"}, "mailpace")
        body = {"user_id": "user_123", "domain": f"lifecycle-{at}.example.com"}
        ask("POST", "/v2/domain", body, "lifecycle")
        for dialect in ("mailgun", "native"):
            ask("POST", "/postroom/v1/claims", {"name": f"{dialect}-{at}.example.com"})
        body = {"domain": f"mailchannels-{at}.example.com", "subscriptionHandle": "default"}
        ask("POST", "/inbound/v1/domains", body, "mailchannels")


def requests(dialect, key, *which):
    """Whether schemathesis succeeds with these operations of a document, how many it has tried, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text((HERE / "schemathesis.toml").read_text().replace("DIALECT", dialect))
        program = Path(sys.executable).with_name("schemathesis")
        arguments = ["--config-file", config, "run", f"{URL}/openapi/{dialect}.json", "--url", URL, "--no-color"]
        ran = subprocess.run(
            [program, *arguments, *which, "--max-time", MOST_SECONDS, "-H", CREDENTIALS[dialect].replace(KEY, key)],
            cwd=folder,
            capture_output=True,
            text=True,
        )
    tested = re.search(r"Tested: (\d+)\s", ran.stdout)
    return ran.returncode == 0, int(tested[1]) if tested else 0, ran.stdout + ran.stderr


def run(dialect):
    """The same with a whole document, which is read first."""
    document = ask("GET", f"/openapi/{dialect}.json")
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        return False, f"{dialect}: {error}"
    count = sum(len(methods) for methods in document["paths"].values())
    if dialect != "native":
        parts = [requests(dialect, KEY)]
    else:
        # It puts an end to the key that calls.
        other = ask("POST", "/postroom/v1/keys", {})["api_key"]
        parts = [
            requests(dialect, other, "--include-path", "/postroom/v1/keys/rotate"),
            requests(dialect, KEY, "--exclude-path", "/postroom/v1/keys/rotate"),
        ]
    told = "".join(said for _, _, said in parts)
    if not all(succeeds for succeeds, _, _ in parts):
        return False, told
    # It succeeds, too, if it has left something out.
    return sum(tested for _, tested, _ in parts) == count, f"{told}\n{dialect} has {count} operations"


prepare()
chosen = sys.argv[1:] or list(CREDENTIALS)
with ThreadPoolExecutor(2) as pool:
    finished = list(zip(chosen, pool.map(run, chosen)))
for dialect, (_, said) in finished:
    print(f"== {dialect}\n{said}", flush=True)
failed = [dialect for dialect, (succeeds, _) in finished if not succeeds]
if failed:
    fail(", ".join(failed))
