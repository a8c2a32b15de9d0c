//! Asking the name servers of a question's zone, each one, without recursion.
//!
//! An answer is judged as a resolver would judge it. An answer without authority (no AA) is that of a lame server and becomes
//! [`Outcome::Refused`] with words. A referral to a child zone is followed once, for a delegation that the recursive resolver
//! does not know yet. A server is believed only within the zone it is asked for: if an alias leaves the zone, a recursive
//! resolver is asked for its target, whatever the server says of it.

use std::collections::HashMap;
use std::sync::Arc;

use hickory_resolver::proto::rr::{Name, RecordType as WireType};
use tokio::time::Instant;

use super::exchange::{Ask, Whom};
use super::reading::{Chain, Reading, read};
use super::zone::{NameServer, addresses_of, servers_of, zone_of};
use super::{Asking, side_by_side, wire};
use crate::dns::{Answer, MAX_CHAIN, NotAsked, Outcome, Question, SendingBudget, Server};
use crate::egress;
use crate::name::DnsName;

/// What one name server says.
enum Said {
    /// This is what there is, at the end of this chain.
    Outcome(Chain, Outcome),
    /// The chain leaves the zone.
    Onward(Chain),
    /// These name servers of a child zone know.
    Referral(Name, Vec<Name>),
}

/// The answers of the name servers for each question; empty if the name servers cannot be found.
pub(super) async fn look(
    asking: Arc<Asking>,
    questions: Vec<Question>,
    budget: SendingBudget,
    until: Instant,
) -> Vec<Vec<Answer>> {
    let zones = side_by_side(questions.iter().map(|question| {
        let (asking, name) = (asking.clone(), wire::to_wire(&question.name));
        async move { zone_of(&asking, name?, until).await }
    }));
    let zones: Vec<Option<Name>> = zones.await.into_iter().map(Option::flatten).collect();

    let mut distinct: Vec<Name> = zones.iter().flatten().cloned().collect();
    distinct.sort();
    distinct.dedup();
    let servers = side_by_side(distinct.iter().map(|zone| servers_of(asking.clone(), zone.clone(), until)));
    let servers: HashMap<Name, Vec<NameServer>> =
        distinct.iter().cloned().zip(servers.await.into_iter().map(Option::unwrap_or_default)).collect();

    let answers = side_by_side(questions.into_iter().zip(zones).map(|(question, zone)| {
        let servers = zone.as_ref().and_then(|zone| servers.get(zone)).cloned().unwrap_or_default();
        let (asking, budget) = (asking.clone(), budget.clone());
        async move {
            match zone {
                Some(zone) => ask_servers(asking, question, zone, servers, budget, until).await,
                None => Vec::new(),
            }
        }
    }));
    answers.await.into_iter().map(Option::unwrap_or_default).collect()
}

async fn ask_servers(
    asking: Arc<Asking>,
    question: Question,
    zone: Name,
    servers: Vec<NameServer>,
    budget: SendingBudget,
    until: Instant,
) -> Vec<Answer> {
    let mut said = ask_each(&asking, &question, &zone, servers, &budget, until).await;
    if let Some(child) = said.iter().find_map(|(_, said)| referral(said)) {
        let referred = said.iter().filter_map(|(_, said)| match said {
            Said::Referral(zone, servers) if *zone == child => Some(servers),
            _ => None,
        });
        let names: Vec<DnsName> = referred.flatten().map(wire::from_wire).collect();
        let servers = addresses_of(asking.clone(), names, until).await;
        said.extend(ask_each(&asking, &question, &child, servers, &budget, until).await.into_iter().map(
            |(server, said)| match said {
                Said::Referral(zone, _) => {
                    let detail = format!("lame: it only names the servers of {}", wire::from_wire(&zone));
                    (server, Said::Outcome(chain_of(&question), Outcome::Refused { detail }))
                }
                said => (server, said),
            },
        ));
    }
    let beyond = beyond(&asking, &question, &said, until).await;
    let answers = said.into_iter().filter_map(|(server, said)| {
        let (chain, outcome) = match said {
            Said::Outcome(chain, outcome) => (chain.names(), outcome),
            Said::Onward(chain) => complete(&chain, &beyond)?,
            // Its children have been asked in its place.
            Said::Referral(..) => return None,
        };
        let NameServer { name, address } = server;
        let was_asked = !matches!(outcome, Outcome::NotAsked { why: NotAsked::NotPublic });
        let server = if was_asked && !egress::is_public(address.ip()) {
            Server::Inside { name, address }
        } else {
            Server::Authoritative { name, address }
        };
        Some(Answer { server, chain, outcome })
    });
    without_missing_ipv6(answers.collect())
}

fn referral(said: &Said) -> Option<Name> {
    match said {
        Said::Referral(zone, _) => Some(zone.clone()),
        _ => None,
    }
}

async fn ask_each(
    asking: &Arc<Asking>,
    question: &Question,
    zone: &Name,
    servers: Vec<NameServer>,
    budget: &SendingBudget,
    until: Instant,
) -> Vec<(NameServer, Said)> {
    let asked = side_by_side(servers.iter().map(|server| {
        let (asking, address, zone, chain) =
            (asking.clone(), server.address, zone.clone(), chain_of(question));
        let budget = budget.clone();
        let wire_type = wire::wire_type(question.record_type);
        async move { ask_one(&asking, address, &zone, chain, wire_type, budget, until).await }
    }));
    let said = asked.await;
    servers.into_iter().zip(said).filter_map(|(server, said)| Some((server, said?))).collect()
}

async fn ask_one(
    asking: &Asking,
    server: std::net::SocketAddr,
    zone: &Name,
    mut chain: Chain,
    wire_type: WireType,
    budget: SendingBudget,
    until: Instant,
) -> Said {
    if !asking.setup.settings.egress.admits(server.ip()) {
        return Said::Outcome(chain, Outcome::NotAsked { why: NotAsked::NotPublic });
    }
    let ask = Ask { name: chain.end().clone(), wire_type, of: Whom::NameServer(budget) };
    let reply = match asking.ask(server, &ask, asking.lookup_end(until)).await {
        Ok(reply) => reply,
        Err(trouble) => return Said::Outcome(chain, trouble.into()),
    };
    let lame = |detail: &str| {
        let detail = format!("lame: {detail}");
        Said::Outcome(Chain::new(ask.name.clone()), Outcome::Refused { detail })
    };
    match read(&reply, &mut chain, wire_type) {
        Reading::Outcome(outcome) if outcome.is_temporary() => Said::Outcome(chain, outcome),
        // Only ever downwards, so that no server can send us elsewhere (RFC 1034 section 4.3.2).
        Reading::Referral { zone: child, servers } if child != *zone && zone.zone_of(&child) => {
            Said::Referral(child, servers)
        }
        Reading::Referral { .. } => lame("it only names other servers to ask"),
        _ if !reply.metadata.authoritative => lame("it answers without authority for the zone (no AA)"),
        Reading::Outcome(_) if chain.leave(zone) => Said::Onward(chain),
        Reading::Outcome(outcome) => Said::Outcome(chain, outcome),
        Reading::Onward => {
            chain.leave(zone);
            Said::Onward(chain)
        }
    }
}

/// What recursive resolvers say of the names outside that the chains lead to.
async fn beyond(
    asking: &Arc<Asking>,
    question: &Question,
    said: &[(NameServer, Said)],
    until: Instant,
) -> HashMap<DnsName, Answer> {
    let mut names: Vec<DnsName> = said
        .iter()
        .filter_map(|(_, said)| match said {
            Said::Onward(chain) => Some(wire::from_wire(chain.end())),
            _ => None,
        })
        .collect();
    names.sort();
    names.dedup();
    let answers = side_by_side(names.iter().map(|name| {
        let (asking, question) = (asking.clone(), Question::new(name.clone(), question.record_type));
        async move { asking.lookup(&question, until).await }
    }));
    let answers = answers.await;
    names.into_iter().zip(answers).filter_map(|(name, answer)| Some((name, answer?))).collect()
}

/// The rest of the chain outside the zone, and its outcome.
fn complete(chain: &Chain, beyond: &HashMap<DnsName, Answer>) -> Option<(Vec<DnsName>, Outcome)> {
    let rest = beyond.get(&wire::from_wire(chain.end()))?;
    let mut names = chain.names();
    names.extend(rest.chain.iter().cloned());
    let too_long = names.len() > MAX_CHAIN && !rest.outcome.is_temporary();
    Some((names, if too_long { Outcome::CnameLoop } else { rest.outcome.clone() }))
}

/// Removes answers that only show that this machine has no IPv6.
///
/// A server that answered over IPv4 is there. That it was not reached over IPv6 counts against it only if
/// some server was: silence alone may be ours.
fn without_missing_ipv6(answers: Vec<Answer>) -> Vec<Answer> {
    let reached: Vec<(DnsName, bool)> = answers
        .iter()
        .filter(|answer| {
            !matches!(
                answer.outcome,
                Outcome::Timeout | Outcome::Unreachable { .. } | Outcome::NotAsked { .. }
            )
        })
        .filter_map(|answer| answer.server.name_server())
        .map(|(name, address)| (name.clone(), address.is_ipv4()))
        .collect();
    let ipv6_works = reached.iter().any(|(_, ipv4)| !ipv4);
    let keep = |answer: &Answer| match (answer.server.name_server(), &answer.outcome) {
        (Some((name, address)), outcome) if address.is_ipv6() => match outcome {
            Outcome::Unreachable { .. } => !reached.contains(&(name.clone(), true)),
            Outcome::Timeout => ipv6_works || !reached.contains(&(name.clone(), true)),
            _ => true,
        },
        _ => true,
    };
    answers.into_iter().filter(keep).collect()
}

fn chain_of(question: &Question) -> Chain {
    Chain::new(wire::to_wire(&question.name).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &str, address: &str, outcome: Outcome) -> Answer {
        let server = Server::Authoritative { name: name.parse().unwrap(), address: address.parse().unwrap() };
        Answer { server, chain: vec![], outcome }
    }

    #[test]
    fn a_machine_without_ipv6_does_not_call_servers_lame() {
        let there = Outcome::NoData { remaining: None };
        let no_route = Outcome::Unreachable { detail: "network unreachable".into() };
        let v4 = answer("ns1.example.com", "192.0.2.1:53", there.clone());
        let unreached = answer("ns1.example.com", "[2001:db8::1]:53", no_route.clone());
        let silent = answer("ns1.example.com", "[2001:db8::1]:53", Outcome::Timeout);
        let reached = answer("ns2.example.com", "[2001:db8::2]:53", there);
        let down = answer("ns3.example.com", "[2001:db8::3]:53", no_route);

        let kept = |answers: &[&Answer]| without_missing_ipv6(answers.iter().copied().cloned().collect());
        assert_eq!(kept(&[&v4, &unreached]), vec![v4.clone()]);
        assert_eq!(kept(&[&v4, &silent]), vec![v4.clone()]);
        assert_eq!(
            kept(&[&v4, &silent, &reached]).len(),
            3,
            "IPv6 works here, so the silence is the server's"
        );
        assert_eq!(kept(&[&v4, &down]).len(), 2, "it was not reached over IPv4 either");
    }
}
