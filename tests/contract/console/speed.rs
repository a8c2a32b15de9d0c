//! How long each page takes to be made, and how large it is, where there is much of everything. `docs/figures.md` says what came of it.

use std::time::{Duration, Instant};

use crate::harness::app::TestApp;

/// What there is: domains with their records, of which some have problems, and rows of the audit log.
const FILL: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO domain (account_id, subscription_id, name, label, status, proved_at, claimed_at, created_at, updated_at, next_check_at)
    SELECT 1, 1, 'd' || i || '.example.net', CASE i % 4 WHEN 0 THEN 'team ' || (i % 100) WHEN 1 THEN 'customer ' || i END,
        CASE i % 10 WHEN 0 THEN 'failed' WHEN 1 THEN 'pending' ELSE 'active' END, 1795255200000, 1795255200000, 1795255200000 + i,
        1795255200000, 1895255200000 FROM n;
    INSERT INTO record (domain_id, purpose, host, value, priority, status, checked_at, problem_code, problem_text)
    SELECT d.id, p.purpose, p.host, p.value, p.priority, CASE d.status WHEN 'active' THEN 'verified' ELSE d.status END, 1795255200000,
        CASE WHEN d.status <> 'active' THEN CASE WHEN d.id % 5000 = 1 THEN 'spf_syntax' ELSE 'record_missing' END END,
        CASE WHEN d.status <> 'active' THEN 'there is no such record; publish it at exactly the name that is shown' END
    FROM domain d CROSS JOIN (
        SELECT 'mx' AS purpose, '@' AS host, 'mx.mail.example.net' AS value, 10 AS priority UNION ALL
        SELECT 'spf', '@', 'v=spf1 mx ~all', NULL UNION ALL SELECT 'dmarc', '_dmarc', 'v=DMARC1; p=none', NULL UNION ALL
        SELECT 'return_path', 'mailer', 'return-path.mail.example.net', NULL) p
    WHERE d.name LIKE 'd%.example.net';
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
    INSERT INTO event (at, account_id, actor, action, subject, detail, domain_id)
    SELECT 1795255200000 - (300000 - i) * 10000, 1, 'schedule', CASE i % 3 WHEN 0 THEN 'record.verified' ELSE 'domain.active' END,
        'd' || (i % 100000) || '.example.net', 'something happened', i % 100000 FROM n;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
    INSERT INTO day_count (account_id, day, checks, became_active, became_pending, became_failed)
    SELECT 1, 20778 - i, 400000, 100 + i, 20, 10 FROM n;
    ANALYZE;";

#[test]
#[ignore = "it makes 100,000 domains; run it in release: cargo test --release -p postroom-server --test suite -- --ignored pages_are_made"]
fn pages_are_made_in_20_ms_and_have_less_than_100_kb_at_100_000_domains() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    app.sql().execute_batch(FILL).unwrap();
    let session = app.session(key.account);
    let name = "d50000.example.net";
    let mut late = Vec::new();
    for line in [
        "/console".to_owned(),
        "/console/domains".to_owned(),
        "/console/domains?order=-name".to_owned(),
        "/console/domains?order=status".to_owned(),
        "/console/domains?order=newest&page=1800".to_owned(),
        "/console/domains?status=failed".to_owned(),
        "/console/domains?problem=record_missing".to_owned(),
        "/console/domains?problem=spf_syntax".to_owned(),
        "/console/domains?problem=dkim_revoked".to_owned(),
        "/console/domains?problem=record_missing&status=pending&order=newest".to_owned(),
        "/console/domains?q=d9999".to_owned(),
        "/console/domains?q=nothing-like-it".to_owned(),
        "/console/claims".to_owned(),
        format!("/console/claims/{name}"),
        format!("/console/domains/{name}"),
        format!("/console/domains/{name}/keys"),
        format!("/console/domains/{name}/access"),
        format!("/console/domains/{name}/mail?test=jo@{name}"),
        format!("/console/domains/{name}/deliveries?show=failed"),
        format!("/console/domains/{name}/lists"),
        format!("/console/domains/{name}/recipients"),
        format!("/console/domains/{name}/quarantine"),
        format!("/console/domains/{name}/reports"),
        format!("/console/domains/{name}/log"),
        "/console/account".to_owned(),
        "/console/account/usage".to_owned(),
        "/console/log".to_owned(),
        "/console/log?since=2026-11-01&until=2026-11-02".to_owned(),
        format!("/console/log?domain={name}"),
        "/console/password".to_owned(),
        "/console/sessions".to_owned(),
        "/console/help".to_owned(),
    ] {
        let mut times: Vec<Duration> = Vec::new();
        let mut octets = 0;
        for _ in 0..9 {
            let begun = Instant::now();
            let page = app.visit(&session, &format!("GET {line}"), "");
            times.push(begun.elapsed());
            assert_eq!(page.status, 200, "{line}");
            octets = page.body.len();
        }
        times.sort_unstable();
        let time = times[times.len() / 2];
        println!("| `{line}` | {:.1} ms | {} kB |", time.as_secs_f64() * 1e3, octets.div_ceil(1000));
        assert!(octets < 100_000, "{line} has {octets} octets");
        if time > Duration::from_millis(20) {
            late.push(format!("{line}: {time:?}"));
        }
    }
    // Without optimisation the times say nothing.
    assert!(cfg!(debug_assertions) || late.is_empty(), "{late:#?}");
}
