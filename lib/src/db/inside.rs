//! Whether this thread is in the middle of a transaction: slow work must not be done there.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread is in the middle of a transaction.
pub(crate) fn a_transaction() -> bool {
    DEPTH.get() > 0
}

/// Stands for a transaction of this thread, for as long as that lasts.
pub(super) struct Inside {
    /// It belongs to the thread that made it.
    _not_send: PhantomData<*const ()>,
}

impl Inside {
    pub(super) fn begin() -> Inside {
        DEPTH.set(DEPTH.get().saturating_add(1));
        Inside { _not_send: PhantomData }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}
