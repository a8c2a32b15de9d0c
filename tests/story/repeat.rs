//! kill -9 in the middle of requests that carry idempotency keys: repeated, each has been done once.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::process::Site;

const WRITERS: usize = 3;
const ROUNDS: u64 = 8;

/// Makes tokens, each under a key of its own, until the server is gone; what it answered, by the key, and nothing for the
/// one that had no answer.
fn make_until_it_breaks(client: &Client, path: &str, writer: &str) -> BTreeMap<String, Value> {
    let mut asked = BTreeMap::new();
    for turn in 0.. {
        let key = format!("{writer}-{turn}");
        let reply = client.under(&key).send("POST", path, Some("{}")).ok();
        let is_last = reply.is_none();
        asked.insert(key, reply.map_or(Value::Null, |reply| reply.json));
        if is_last {
            break;
        }
    }
    asked
}

#[test]
fn what_was_repeated_after_kill_9_is_done_once() {
    let site = Site::new();
    let mut server = site.serve();
    let secret = server.key.clone().expect("a key");
    let id = server.client().create_domain("example.com")["id"].clone();
    let path = format!("/api/v1/domains/{id}/api_tokens");
    let (mut all, mut unanswered) = (0, 0);
    for round in 0..ROUNDS {
        let client = Client::new(&server.url, &secret);
        let asked: BTreeMap<String, Value> = thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (client, path) = (&client, &path);
                    scope.spawn(move || make_until_it_breaks(client, path, &format!("{round}-{writer}")))
                })
                .collect();
            thread::sleep(Duration::from_millis(60 + round * 23));
            server.process.kill();
            writers.into_iter().flat_map(|writer| writer.join().expect("no panic")).collect()
        });
        server = site.serve();
        let client = Client::new(&server.url, &secret);
        for (key, answer) in &asked {
            let repeat = client.under(key).send("POST", &path, Some("{}")).expect("an answer");
            assert_eq!(repeat.status, 201, "{key}: {repeat:?}");
            assert!(answer.is_null() || *answer == repeat.json, "{key}: {answer} and then {}", repeat.json);
        }
        all += asked.len();
        unanswered += asked.values().filter(|answer| answer.is_null()).count();
        let there = client.get(&path).json.as_array().map(Vec::len);
        assert_eq!(there, Some(all), "round {round}: each is there once");
    }
    assert!(unanswered > 0 && all > unanswered, "{unanswered} of {all}");
    assert!(server.stop().success());
}
