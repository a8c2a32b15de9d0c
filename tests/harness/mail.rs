//! A folder of mailboxes in process: what delivers into it, and messages that are held back in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::db::Postroom;
use postroom::dns::ScriptedResolver;
use postroom::egress::EgressPolicy;
use postroom::id::DomainId;
use postroom::inbound::AbusePolicy;
use postroom::mail::{self, Folder};
use postroom::webhook::call::{self, CallOutcome, WebhookCall};
use postroom_server::delivery::{Calls, Deliverer, Places, Poster, SpamMark, Tally};
use postroom_server::watch::BridgeMetrics;

use super::app::TestApp;

/// What delivers mail into this folder; nothing is forwarded.
pub(crate) fn deliverer(postroom: &Arc<Postroom>, mail_dir: &Path, loopback_http: bool) -> Deliverer {
    let resolver = Arc::new(ScriptedResolver::new());
    Deliverer {
        mail_dir: mail_dir.to_owned(),
        submit: "127.0.0.1:9".to_owned(),
        poster: Poster::new(resolver.clone(), EgressPolicy::allowing(Vec::new()), loopback_http),
        spam_mark: Some(SpamMark { name: "X-Spam".into(), value: "Yes".into(), usual: AbusePolicy::Flag }),
        resolver,
        places: Places::new(4, 8),
        calls: Calls::default(),
        tally: Tally::default(),
        metrics: Arc::new(BridgeMetrics::new(Arc::clone(postroom)).unwrap()),
        postroom: Arc::clone(postroom),
    }
}

/// Keeps a message in a folder of this mailbox, as the bridge does, and returns its file.
pub(crate) fn keep(mail_dir: &Path, mailbox: &str, folder: Folder, id: &str, message: &str) -> PathBuf {
    let place = mail_dir.join(mail::place(&mailbox.parse().unwrap(), folder));
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(place.join(part)).unwrap();
    }
    let file = place.join("new").join(id);
    fs::write(&file, format!("Return-Path: <a@b.example>\nDelivered-To: {mailbox}\n{message}")).unwrap();
    file
}

/// Writes down that a delivery to this mailbox was posted, and that its message is kept.
pub(crate) fn post(app: &TestApp, domain: DomainId, mailbox: &str, id: &str, outcome: CallOutcome) {
    let call = WebhookCall {
        domain,
        delivery: id.to_owned(),
        recipient: mailbox.to_owned(),
        mailbox: mailbox.parse().unwrap(),
        is_kept: true,
        outcome,
        took: Duration::from_millis(12),
        at: app.clock.now(),
    };
    app.postroom.write(|tx| call::record(tx, std::slice::from_ref(&call))).unwrap();
}
