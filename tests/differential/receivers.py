"""Receivers of mail: does a signed message verify when the DNS has these TXT records at the name of its key?

Each is the code that runs on mail servers, its reading of the DNS answer included: libopendkim of OpenDKIM, an rspamd that
is started for this, Mail::DKIM in a Perl process, and dkimpy. A receiver is made once and asked case after case:
`verdict(key, records)` is `verified`, or why not, in a few words. A record is a list of strings, a string is bytes.
"""

import concurrent.futures
import ctypes
import http.client
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

import dkim
import dns.flags
import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset

FOLDER = pathlib.Path(__file__).parent
MESSAGES = {key: (FOLDER / "messages" / f"{key}.eml").read_bytes() for key in ("rsa", "ed25519")}
KEY_NAME = "pr1._domainkey.example.com."
VERIFIED = "verified"


def answer(query, records):
    """The answer of a name server to `query`."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.RA
    question = query.question[0]
    if question.rdtype == dns.rdatatype.TXT and question.name.to_text().lower() == KEY_NAME:
        rrset = dns.rrset.RRset(question.name, dns.rdataclass.IN, dns.rdatatype.TXT)
        for strings in records:
            rrset.add(dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings or [b""]), ttl=300)
        reply.answer.append(rrset)
    return reply


def end_with_parent():
    """A child process does not outlive the one that asks it."""
    # PR_SET_PDEATHSIG of prctl(2).
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Dkimpy:
    def close(self):
        pass

    def verdict(self, key, records):
        # As its own look-up does: the first record.
        value = b"".join(records[0])
        try:
            works = dkim.verify(MESSAGES[key], dnsfunc=lambda _name, timeout=5: value)
        except Exception as error:
            return f"{type(error).__name__}"
        return VERIFIED if works else "not verified"


class OpenDkim:
    """libopendkim, with a resolver that gives the answer in the form in which it came over the wire."""

    # Of dkim.h.
    STAT_OK, MODE_SETOPT, OPTS_CLOCKDRIFT = 0, 1, 12
    DNS_SUCCESS = 0

    def __init__(self):
        self.records = []
        self.library = library = ctypes.CDLL("libopendkim.so.11")
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        for name in ("dkim_init", "dkim_verify", "dkim_getsignature"):
            getattr(library, name).restype = pointer
        library.dkim_sig_geterrorstr.restype = ctypes.c_char_p
        library.dkim_init.argtypes = [pointer, pointer]
        library.dkim_verify.argtypes = [pointer, ctypes.c_char_p, pointer, ctypes.POINTER(ctypes.c_int)]
        library.dkim_chunk.argtypes = [pointer, ctypes.c_char_p, size]
        library.dkim_eom.argtypes = [pointer, pointer]
        library.dkim_free.argtypes = [pointer]
        library.dkim_getsignature.argtypes = [pointer]
        library.dkim_sig_geterror.argtypes = [pointer]
        library.dkim_sig_geterrorstr.argtypes = [ctypes.c_int]
        library.dkim_options.argtypes = [pointer, ctypes.c_int, ctypes.c_int, pointer, size]
        self.handle = library.dkim_init(None, None)
        # A message is not refused for being signed on another day.
        drift = ctypes.c_uint64(10 * 365 * 86400)
        library.dkim_options(self.handle, self.MODE_SETOPT, self.OPTS_CLOCKDRIFT, ctypes.byref(drift), 8)
        types = {
            "init": ctypes.CFUNCTYPE(ctypes.c_int, pointer),
            "close": ctypes.CFUNCTYPE(None, pointer),
            "query_start": ctypes.CFUNCTYPE(
                ctypes.c_int, pointer, ctypes.c_int, ctypes.c_char_p, pointer, size, pointer
            ),
            "query_cancel": ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer),
            "query_waitreply": ctypes.CFUNCTYPE(
                ctypes.c_int, pointer, pointer, pointer, ctypes.POINTER(size),
                ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int),
            ),
        }
        # Kept, or Python would free what the library calls.
        self.callbacks = {
            "init": lambda _service: 0,
            "close": lambda _service: None,
            "query_start": self.start,
            "query_cancel": lambda _service, _query: 0,
            "query_waitreply": self.wait,
        }
        for name, callback in self.callbacks.items():
            self.callbacks[name] = types[name](callback)
            setter = getattr(library, f"dkim_dns_set_{name}")
            setter.argtypes = [pointer, types[name]]
            setter(self.handle, self.callbacks[name])
        library.dkim_dns_set_query_service.argtypes = [pointer, pointer]
        library.dkim_dns_set_query_service(self.handle, None)

    def close(self):
        pass

    def start(self, _service, kind, name, buffer, length, handle):
        query = dns.message.make_query(name.decode(), kind)
        wire = answer(query, self.records).to_wire(max_size=65535)[:length]
        ctypes.memmove(buffer, wire, len(wire))
        self.length = len(wire)
        ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0] = 1
        return self.DNS_SUCCESS

    def wait(self, _service, _query, _timeout, length, error, dnssec):
        length[0] = self.length
        if error:
            error[0] = 0
        if dnssec:
            dnssec[0] = 0
        return self.DNS_SUCCESS

    def verdict(self, key, records):
        self.records = records
        library, status = self.library, ctypes.c_int()
        message = library.dkim_verify(self.handle, b"case", None, ctypes.byref(status))
        text = MESSAGES[key].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        library.dkim_chunk(message, text, len(text))
        library.dkim_chunk(message, None, 0)
        test = ctypes.c_bool()
        result = library.dkim_eom(message, ctypes.byref(test))
        why = VERIFIED
        if result != self.STAT_OK:
            signature = library.dkim_getsignature(message)
            number = library.dkim_sig_geterror(signature) if signature else -1
            why = (library.dkim_sig_geterrorstr(number) or b"").decode() if number > 0 else f"status {result}"
        library.dkim_free(message)
        return why


class MailDkim:
    def __init__(self):
        self.process = subprocess.Popen(
            ["perl", str(FOLDER / "mail_dkim.pl"), str(FOLDER / "messages")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent,
        )

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def verdict(self, key, records):
        case = {"key": key, "records": [[string.hex() for string in strings] for strings in records]}
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


RSPAMD = """
# As it comes, but for what a start would take seconds for.
options {{
    filters = "dkim";
    tempdir = "{folder}";
    hs_cache_dir = "{folder}";
    url_tld = "{folder}/suffixes";
    disable_hyperscan = true;
    dns {{ nameserver = ["127.0.0.1:{dns}:1"]; timeout = 5s; retransmits = 2; sockets = 1; }}
}}
actions {{ reject = 1000; }}
logging {{ type = "file"; filename = "{folder}/log"; level = "warning"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{http}"; count = 1; }}
# Each case is looked up, and no message is refused for being signed on another day.
dkim {{ dkim_cache_size = 0; time_jitter = 10y; }}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Rspamd:
    """An rspamd of its own, which asks a name server in this process."""

    def __init__(self):
        self.records = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        folder = pathlib.Path(self.folder.name)
        config, dns_port = folder / "rspamd.conf", self.socket.getsockname()[1]
        (folder / "suffixes").write_text("com\n")
        config.write_text(RSPAMD.format(folder=folder, dns=dns_port, http=self.port))
        self.process = subprocess.Popen(
            ["rspamd", "--no-fork", "--insecure", "--config", str(config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent,
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((folder / "log").read_text())

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def serve(self):
        while True:
            wire, peer = self.socket.recvfrom(65535)
            reply = answer(dns.message.from_wire(wire), self.records)
            self.socket.sendto(reply.to_wire(max_size=65535), peer)

    def verdict(self, key, records):
        self.records = records
        # Not kept open: rspamd closes it after each answer.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/checkv2", MESSAGES[key], {"IP": "192.0.2.10", "From": "jo@example.com"})
        symbols = json.loads(connection.getresponse().read())["symbols"]
        connection.close()
        found = [name for name in symbols if name.startswith("R_DKIM")]
        return VERIFIED if "R_DKIM_ALLOW" in found else ", ".join(found) or "no symbol"


# The first two verify in mail servers, and are what most of the mail meets.
COMMON = ("opendkim", "rspamd")
RECEIVERS = {"opendkim": OpenDkim, "rspamd": Rspamd, "mail_dkim": MailDkim, "dkimpy": Dkimpy}


def verdicts(name, cases):
    """What a receiver says of cases, each a key and the records."""
    receiver = RECEIVERS[name]()
    try:
        return [receiver.verdict(key, records) for key, records in cases]
    finally:
        receiver.close()


def judge(cases):
    """Of each case, whether the common receivers verify the message, and which receivers do not."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        columns = list(pool.map(lambda name: verdicts(name, cases), RECEIVERS))
    for (key, _), row in zip(cases, zip(*columns)):
        refused = [name for name, verdict in zip(RECEIVERS, row) if verdict != VERIFIED]
        # This Mail::DKIM may be older than its support of Ed25519: then it does not count.
        if key == "ed25519" and "unsupported algorithm" in row[list(RECEIVERS).index("mail_dkim")]:
            refused.remove("mail_dkim")
        works = not any(name in refused for name in COMMON)
        yield works, f"not at {', '.join(refused)}" if refused else VERIFIED
