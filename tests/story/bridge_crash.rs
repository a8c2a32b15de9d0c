//! kill -9 of the bridge under load: what a mail server was told 250 for has arrived, what is stored is there once, and what is posted
//! or forwarded twice has the same name.
//!
//! `POSTROOM_CRASH_ROUNDS` says how often; 20 times by default.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::bridge::start_at;
use crate::harness::process::Site;
use crate::harness::receiver::{MailServer, Webhook};

const RECIPIENTS: [&str; 3] = ["jo@example.com", "jo@hook.example", "jo@forward.example"];

#[test]
fn nothing_that_was_taken_is_lost_by_kill_9_and_nothing_is_stored_twice() {
    let rounds = std::env::var("POSTROOM_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let (hook, mail) = (Webhook::new(), MailServer::new());
    let site = Site::new().with("POSTROOM_WEBHOOKS_LOOPBACK_HTTP", "true");
    let site = site.with("POSTROOM_BRIDGE_SUBMIT", &format!("127.0.0.1:{}", mail.port));
    let dir = site.file("sockets");
    let mut it = start_at(site, dir, "0");
    for name in ["hook.example", "forward.example"] {
        it.server.client().create_domain(name);
    }
    it.site.json(&["route", "set", "hook.example", "--mode", "webhook", "--webhook-url", &hook.url()]);
    it.site.json(&[
        "route",
        "set",
        "forward.example",
        "--mode",
        "forward_email",
        "--forward-to",
        "ops@else.example",
    ]);
    let stop = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let (socket, stop) = (it.dir.join("lmtp"), &stop);
        let queues: Vec<_> = RECIPIENTS
            .iter()
            .map(|recipient| {
                let socket = socket.clone();
                scope.spawn(move || send_until(&socket, recipient, stop))
            })
            .collect();
        for round in 0..rounds {
            thread::sleep(Duration::from_millis(100 + 37 * (round % 7)));
            it.restart();
        }
        stop.store(true, Ordering::Relaxed);
        queues.into_iter().map(|queue| queue.join().unwrap()).collect::<Vec<usize>>()
    });
    let posted = hook.posts();
    let ids: BTreeSet<&str> = posted.iter().map(|post| post.field("webhook-id")).collect();
    let forwarded = mail.taken();
    let texts: BTreeSet<&str> = forwarded.iter().map(|mail| mail.text.as_str()).collect();
    println!(
        "{rounds} kills: {sent:?} taken; {} stored, {} posted as {}, {} forwarded as {}",
        it.stored("example.com/jo").len(),
        posted.len(),
        ids.len(),
        forwarded.len(),
        texts.len()
    );
    assert!(sent.iter().all(|number| *number > 0), "{sent:?}");
    assert_eq!(vec![it.stored("example.com/jo").len(), ids.len(), texts.len()], sent);
    for file in it.stored("example.com/jo") {
        assert!(std::fs::read_to_string(&file).unwrap().ends_with("\n-- end\n"), "{}", file.display());
    }
}

/// Sends one message after the other as a mail server does, each until it is taken. Returns how many there were.
fn send_until(socket: &Path, recipient: &str, stop: &AtomicBool) -> usize {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let message =
            format!("Received: by mx; {recipient} {number}\r\nFrom: a@b.example\r\n\r\nHello\r\n-- end\r\n");
        loop {
            match send(socket, recipient, &message) {
                Some(reply) if reply.starts_with('2') => break,
                Some(reply) => assert!(reply.starts_with('4'), "{reply}"),
                None => {}
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    number
}

/// The reply to a message; none if the bridge hung up before it.
fn send(socket: &Path, recipient: &str, message: &str) -> Option<String> {
    let mut stream = BufReader::new(UnixStream::connect(socket).ok()?);
    let text =
        format!("LHLO mx\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n{message}.\r\n");
    stream.get_mut().write_all(text.as_bytes()).ok()?;
    // A greeting, an answer to each command, and the reply to the message.
    let mut reply = String::new();
    for _ in 0..6 {
        loop {
            reply.clear();
            if stream.read_line(&mut reply).ok()? == 0 {
                return None;
            }
            if reply.get(3..4) != Some("-") {
                break;
            }
        }
        if reply.starts_with('4') {
            break;
        }
    }
    Some(reply)
}
