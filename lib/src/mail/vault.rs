//! Where the bridge gives private keys to another program that signs. The audit log says since when it does, and until when it did.

use crate::db::{ReadTx, WriteTx};
use crate::error::Error;
use crate::event::{self, Actor, Change, Search};

/// The address at which private keys were given out the last time that a bridge ran; none if they were not.
pub fn open_vault(tx: &ReadTx<'_>) -> Result<Option<String>, Error> {
    let search = Search { action: Some("vault.changed"), ..Search::default() };
    let newest = event::newest(tx, &search, 1)?;
    Ok(match newest.first().and_then(event::Event::change) {
        Some(Change::VaultOpened { address }) => Some(address.clone()),
        _ => None,
    })
}

/// Writes to the operator's audit log that private keys are given out at this address from now on, or nowhere; nothing if that is as
/// it was.
pub fn note_vault(tx: &WriteTx<'_>, address: Option<&str>) -> Result<(), Error> {
    let was = open_vault(tx)?;
    if was.as_deref() == address {
        return Ok(());
    }
    let changes = [
        was.map(|address| Change::VaultClosed { address }),
        address.map(|address| Change::VaultOpened { address: address.to_owned() }),
    ];
    changes.iter().flatten().try_for_each(|change| tx.tell_if_any(&Actor::Bridge, None, change))
}
