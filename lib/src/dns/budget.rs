//! How much one verification may send to one address.
//!
//! Who serves a zone is for the zone's owner to say, so a verification could be aimed at anybody. Whatever the zone says,
//! one host gets no more than this, repetitions and all runs of the verification together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::egress;

/// The most datagrams that one verification sends to one address.
pub(crate) const MOST_DATAGRAMS: u32 = 40;
/// The most connections that it opens to one address.
pub(crate) const MOST_CONNECTIONS: u32 = 10;

/// What one verification may still send to the name servers of zones, by their addresses. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SendingBudget(Arc<Mutex<HashMap<IpAddr, Sent>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    datagrams: u32,
    connections: u32,
}

impl SendingBudget {
    /// Takes a datagram to this address out of the budget; whether there was one.
    pub(super) fn take_datagram(&self, address: IpAddr) -> bool {
        let mut all = self.lock();
        take(&mut all.entry(egress::host(address)).or_default().datagrams, MOST_DATAGRAMS)
    }

    /// Puts one back that was not sent.
    pub(super) fn put_datagram_back(&self, address: IpAddr) {
        if let Some(sent) = self.lock().get_mut(&egress::host(address)) {
            sent.datagrams = sent.datagrams.saturating_sub(1);
        }
    }

    /// Takes a connection to this address out of the budget; whether there was one.
    pub(super) fn take_connection(&self, address: IpAddr) -> bool {
        let mut all = self.lock();
        take(&mut all.entry(egress::host(address)).or_default().connections, MOST_CONNECTIONS)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Sent>> {
        // Nothing is left half done in here by a thread that panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(sent: &mut u32, most: u32) -> bool {
    let has_room = *sent < most;
    *sent += u32::from(has_room);
    has_room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_budget_of_its_own_however_it_is_written() {
        let budget = SendingBudget::default();
        let spellings: [IpAddr; 3] = ["93.184.215.14", "::ffff:93.184.215.14", "64:ff9b::93.184.215.14"]
            .map(|text| text.parse().unwrap());
        let sent = (0..300).filter(|n| budget.clone().take_datagram(spellings[n % 3])).count();
        assert_eq!(sent, 40);
        let opened = (0..300).filter(|n| budget.take_connection(spellings[n % 3])).count();
        assert_eq!(opened, 10);
        assert!(budget.take_datagram("93.184.215.15".parse().unwrap()));
        budget.put_datagram_back(spellings[0]);
        assert!(budget.take_datagram(spellings[1]) && !budget.take_datagram(spellings[2]));
        assert!(SendingBudget::default().take_datagram(spellings[0]), "the next verification has its own");
    }
}
