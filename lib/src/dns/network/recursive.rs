//! Asking recursive resolvers.
//!
//! A recursive resolver usually follows aliases itself. If its reply stops half-way, we ask for the rest. If it fails, we
//! follow the aliases one by one: most resolvers answer SERVFAIL to a chain that loops, which would otherwise look like a
//! temporary error for ever.

use std::net::SocketAddr;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType as WireType;
use tokio::time::Instant;

use super::Asking;
use super::exchange::{Ask, Trouble, Whom};
use super::reading::{Chain, Reading, read};
use super::wire;
use crate::dns::{Answer, Outcome, Question, RecordData, Server};

impl Asking {
    /// The answer of the first resolver that has one. If none has, that of the first resolver.
    pub(super) async fn lookup(&self, question: &Question, until: Instant) -> Answer {
        let mut first = None;
        for server in &self.setup.resolvers {
            let answer = self.lookup_at(*server, question, self.lookup_end(until)).await;
            if !answer.outcome.is_temporary() {
                return answer;
            }
            first.get_or_insert(answer);
        }
        first.unwrap_or_else(|| super::answer_of_nobody(Server::from("none")))
    }

    /// The answer of one resolver.
    pub(super) async fn lookup_at(&self, server: SocketAddr, question: &Question, until: Instant) -> Answer {
        self.lookup_as(&Whom::Recursive, server, question, until).await
    }

    async fn lookup_as(
        &self,
        whom: &Whom,
        server: SocketAddr,
        question: &Question,
        until: Instant,
    ) -> Answer {
        let (chain, outcome) = match wire::to_wire(&question.name) {
            Some(name) => {
                let mut chain = Chain::new(name);
                let outcome =
                    self.follow(whom, server, &mut chain, wire::wire_type(question.record_type), until).await;
                (chain.names(), outcome)
            }
            None => {
                (Vec::new(), Outcome::Malformed { detail: "this is no name that can be asked for".into() })
            }
        };
        Answer { server: Server::Recursive(server), chain, outcome }
    }

    async fn follow(
        &self,
        whom: &Whom,
        server: SocketAddr,
        chain: &mut Chain,
        wire_type: WireType,
        until: Instant,
    ) -> Outcome {
        loop {
            let ask = Ask { name: chain.end().clone(), wire_type, of: whom.clone() };
            let reply = match self.ask(server, &ask, until).await {
                Ok(reply) => reply,
                Err(trouble) => return trouble.into(),
            };
            match read(&reply, chain, wire_type) {
                // The chain has grown, so this ends.
                Reading::Onward => {}
                Reading::Outcome(failed @ Outcome::ServFail { .. }) => {
                    let loops = wire_type != WireType::CNAME && self.loops(server, chain, until).await;
                    return if loops { Outcome::CnameLoop } else { failed };
                }
                Reading::Outcome(outcome) => return outcome,
                Reading::Referral { .. } => {
                    return Outcome::Refused {
                        detail: "it does not resolve for us: it only names other servers to ask".into(),
                    };
                }
            }
        }
    }

    /// Whether the aliases from the end of `chain` loop, walked one by one.
    async fn loops(&self, server: SocketAddr, chain: &mut Chain, until: Instant) -> bool {
        loop {
            let ask = Ask { name: chain.end().clone(), wire_type: WireType::CNAME, of: Whom::Recursive };
            let Ok(reply) = self.ask(server, &ask, until).await else {
                return false;
            };
            let Reading::Outcome(outcome) = read(&reply, chain, WireType::CNAME) else {
                return false;
            };
            let [RecordData::Cname(target), ..] = outcome.records() else {
                return false;
            };
            let Some(target) = wire::to_wire(target) else {
                return false;
            };
            if chain.push(target).is_err() {
                return true;
            }
        }
    }

    /// Whether the first resolver that answers says that its answer was validated (RFC 4035 section 3.2.3).
    pub(super) async fn validates(&self, question: &Question, until: Instant) -> Option<bool> {
        let (name, wire_type) = (wire::to_wire(&question.name)?, wire::wire_type(question.record_type));
        let reply = self.ask_any(&Ask { name, wire_type, of: Whom::Validating }, until).await.ok()?;
        let is_answer =
            matches!(reply.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
        is_answer.then_some(reply.metadata.authentic_data)
    }

    /// What the first resolver that answers passes on without validating it.
    pub(super) async fn lookup_unvalidated(&self, question: &Question, until: Instant) -> Answer {
        let mut last = super::answer_of_nobody(Server::from("none"));
        for server in &self.setup.resolvers {
            let end = self.lookup_end(until);
            last = self.lookup_as(&Whom::NotValidating, *server, question, end).await;
            if !last.outcome.is_temporary() {
                break;
            }
        }
        last
    }

    /// The reply of the first resolver that does not fail.
    pub(super) async fn ask_any(&self, ask: &Ask, until: Instant) -> Result<Message, Trouble> {
        let mut last = Err(Trouble::Timeout);
        for server in &self.setup.resolvers {
            last = self.ask(*server, ask, self.lookup_end(until)).await;
            if last.as_ref().is_ok_and(|reply| {
                !matches!(reply.metadata.response_code, ResponseCode::ServFail | ResponseCode::Refused)
            }) {
                break;
            }
        }
        last
    }
}
