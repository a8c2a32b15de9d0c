//! How quickly messages are signed, beside the RSA operation alone, as a Markdown table.
//!
//! `cargo bench -p postroom --bench signing`, with `-- --quick` for less of it.
//!
//! Nothing passes or fails here: times differ from machine to machine, and what counts is the share.

#![expect(clippy::unwrap_used, reason = "a measurement says by a panic that something is not as it must be")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use postroom::clock::Timestamp;
use postroom::dkim::{Algorithm, Message, SigningKey, sign_with};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::{Pkcs1v15Sign, PrivateKey};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, and without the argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench, which `cargo bench` gives");
        return;
    }
    let span = Duration::from_millis(if arguments.iter().any(|argument| argument == "--quick") {
        500
    } else {
        5_000
    });
    println!("| what | wanted | measured |\n|---|---|---|");
    for bits in [2048, 1024] {
        compare(bits, span);
    }
    let (key, message) = (parsed(Algorithm::Ed25519, &[7; 32]), message(20_000));
    println!("| Ed25519, 20 kB | | {:.0} / s |", rate(span, || sign(&key, &message)));
}

/// Signing a message beside the bare operation of the same key, of which both get half of each stretch of time.
fn compare(bits: usize, span: Duration) {
    let private = PrivateKey::new(&mut SysRng, bits).unwrap();
    let der = private.to_pkcs1_der().unwrap();
    let ring = RsaKeyPair::from_der(der.as_bytes()).ok();
    let random = SystemRandom::new();
    let mut signature = vec![0; bits / 8];
    let mut alone = || match &ring {
        Some(key) => key.sign(&RSA_PKCS1_SHA256, &random, &[7; 32], &mut signature).unwrap(),
        None => {
            black_box(private.sign_with_rng(&mut SysRng, Pkcs1v15Sign::new_unprefixed(), &[7; 51]).unwrap());
        }
    };
    let key = parsed(Algorithm::Rsa, der.as_bytes());
    for size in [20_000, 10_000_000] {
        let message = message(size);
        let (mut bare, mut whole) = (0.0, 0.0);
        for _ in 0..10 {
            bare += rate(span / 20, &mut alone) / 10.0;
            whole += rate(span / 20, || sign(&key, &message)) / 10.0;
        }
        let wanted = if size == 20_000 { "≥ 50 %" } else { "" };
        println!(
            "| RSA-{bits}, {} kB, of {bare:.0} bare operations / s | {wanted} | {whole:.0} / s, {:.0} % |",
            size / 1000,
            whole / bare * 100.0
        );
    }
    let parsing = rate(span, || drop(black_box(parsed(Algorithm::Rsa, der.as_bytes()))));
    println!("| RSA-{bits}, reading the key | | {parsing:.0} / s |");
}

fn parsed(algorithm: Algorithm, private: &[u8]) -> SigningKey {
    let (domain, selector) = ("example.com".parse().unwrap(), "pr1".parse().unwrap());
    SigningKey::parse(domain, selector, algorithm, private).unwrap()
}

/// From the octets to the header, as each message is signed.
fn sign(key: &SigningKey, message: &[u8]) {
    let message = Message::parse(message).unwrap();
    let headers = sign_with(std::slice::from_ref(key), &message, Timestamp::from_millis(1_795_255_200_120));
    black_box(headers.unwrap());
}

/// A message of about so many octets, with text in lines as they are written.
fn message(octets: usize) -> Vec<u8> {
    let mut text = String::from(
        "From: Jo Example <jo@example.com>\r\nTo: Al <al@example.net>\r\nSubject: What\r\n about it\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n",
    );
    while text.len() < octets {
        text.push_str("Nobody writes like this, but as many words stand in a line, or nearly so.\r\n");
    }
    text.into_bytes()
}

/// How often a second something can be done.
fn rate(span: Duration, mut work: impl FnMut()) -> f64 {
    let (started, mut times) = (Instant::now(), 0.0);
    while started.elapsed() < span {
        work();
        times += 1.0;
    }
    times / started.elapsed().as_secs_f64()
}
