//! Which heads are taken and which are refused: a table of raw requests, each with the statuses that must
//! come back before the server closes. The good ones end the connection by being idle.

use super::*;

/// Requests that come whole, and what comes back.
const ROWS: &[(&str, &[u16])] = &[
    // What is well-formed.
    ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("GET /a/%2f?b=c&d[]=e|f HTTP/1.1\r\nHost: mail.example.com:8025\r\n\r\n", &[200]),
    ("GET //double HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("GET / HTTP/1.1\r\nHost:x\r\n\r\n", &[200]),
    ("GET / HTTP/1.1\r\nhOsT: \t x \t\r\n\r\n", &[200]),
    ("GET / HTTP/1.1\r\nHost: 127.0.0.1:8025\r\n\r\n", &[200]),
    ("GET / HTTP/1.1\r\nHost: [::1]:8025\r\n\r\n", &[200]),
    ("GET / HTTP/1.1\r\nHost: _dmarc.example.\r\nX-Empty:\r\nX-Tab: a\tb\r\n\r\n", &[200]),
    ("GET / HTTP/1.0\r\nHost: x\r\n\r\n", &[200]),
    ("get / HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", &[405]),
    ("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", &[405]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", &[200]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 002\r\n\r\nhi", &[200]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", &[200]),
    (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\tCHUNKED \r\n\r\n2;a=b\r\nhi\r\n0\r\nT: t\r\n\r\n",
        &[200],
    ),
    ("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", &[200]),
    // Pipelining: the octets after a body are the next head.
    (
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n",
        &[200; 3],
    ),
    (
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiPUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n!",
        &[200; 2],
    ),
    (
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[200; 2],
    ),
    (
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n",
        &[200, 400],
    ),
    ("GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    (
        "GET /1 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[200; 2],
    ),
    // After chunks nothing is a request.
    (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        &[200],
    ),
    // Host.
    ("GET / HTTP/1.1\r\n\r\n", &[400]),
    ("GET / HTTP/1.0\r\n\r\n", &[200]),
    ("GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x:\r\n\r\n", &[200]),
    ("GET / HTTP/1.1\r\nHost: [::1]:\r\n\r\n", &[200]),
    ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: user@x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: http://x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x:80a\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x:+80\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x:65536\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: [x]\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: b\u{fc}cher.example\r\n\r\n", &[400]),
    // The request line.
    ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET /  HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", &[400]),
    (" GET / HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET / a HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1 extra\r\nHost: x\r\n\r\n", &[400]),
    ("GET /\r\n\r\n", &[400]),
    ("GET\r\n\r\n", &[400]),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("G(T / HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET / http/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET / HTTP/1.10\r\nHost: x\r\n\r\n", &[400]),
    ("GET / HTTP/1\r\nHost: x\r\n\r\n", &[400]),
    ("GET / HTTP/1.2\r\nHost: x\r\n\r\n", &[505]),
    ("GET / HTTP/0.9\r\nHost: x\r\n\r\n", &[505]),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[505]),
    // The target.
    ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    // Absolute form (RFC 9112 section 3.2.2).
    ("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("GET HTTPS://mail.example.com:8025/a?b=c HTTP/1.1\r\nHost: other\r\n\r\n", &[200]),
    ("GET http://[::1]:8025/a HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("GET http://x?a=b HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("GET http://x:/ HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
    ("GET http://x/ HTTP/1.0\r\n\r\n", &[200]),
    ("GET http://x/ HTTP/1.1\r\n\r\n", &[400]),
    ("GET http://user@x/ HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET http://x:65536/ HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET http://x#a HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET http:/x HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET a HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET ?a HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET /<a> HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET /\u{fc} HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET /a\x7fb HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    ("GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
    // Line ends and field lines.
    ("GET / HTTP/1.1\nHost: x\n\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\n\n", &[400]),
    ("GET / HTTP/1.1\rHost: x\r\r", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\n Host: x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\n \r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA\t: b\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\x0bc\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\x7fc\r\n\r\n", &[400]),
    ("GET / HTTP/1.1\r\nHost: x\r\n\u{dc}: b\r\n\r\n", &[400]),
    ("\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03", &[400]),
    // Content-Length.
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2,\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2 2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length\t: 2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \x0c2\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551618\r\n\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\nhi", &[413]),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\nhi", &[413]),
    // Transfer-Encoding; CL.TE and TE.CL, and those that hide it from one of two.
    (
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        &[400],
    ),
    (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET",
        &[400],
    ),
    (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[501]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", &[501]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", &[501]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\t:\tchunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nA: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    (
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    ("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    // Chunks that are none: the App hears of a body that broke off.
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhi", &[400]),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhi", &[400]),
];

#[test]
fn every_head_gets_the_status_of_its_row() {
    // The rows side by side, and what lingers of those before them, are more connections than one address usually may have.
    let server = Server::with(Settings { per_address: 1024, ..loopback() }, quick());
    let wrong: Vec<String> = thread::scope(|scope| {
        let parts: Vec<_> = ROWS
            .chunks(ROWS.len().div_ceil(32))
            .map(|part| {
                scope.spawn(|| part.iter().filter_map(|row| try_row(&server, row)).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("no panic")).collect()
    });
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}

/// Tries a row in one write and octet by octet; the gate must come to the same end.
fn try_row(server: &Server, (raw, wanted): &(&str, &[u16])) -> Option<String> {
    let whole = statuses(&server.ask(raw.as_bytes()));
    let mut stream = server.connect();
    stream.set_nodelay(true).expect("no delay");
    for octet in raw.as_bytes().chunks(1) {
        send(&mut stream, octet);
    }
    let dripped = statuses(&replies(&all(&mut stream)));
    (whole != *wanted || dripped != *wanted)
        .then(|| format!("{raw:?}: wanted {wanted:?}, got {whole:?} and octet by octet {dripped:?}"))
}
