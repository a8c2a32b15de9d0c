//! Work on many things side by side, with a bar on a terminal while it lasts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};

/// Does `work` on each item, `at_once` of them at a time, and returns the results in the order of the items. On a terminal
/// a bar on stderr shows how far it is; elsewhere nothing is shown.
pub(super) fn each<T: Sync, R: Send>(
    what: &'static str,
    items: &[T],
    at_once: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let mut results = Vec::with_capacity(items.len());
    each_told(what, items, at_once, work, |_, result| results.push(result));
    results
}

/// Does `work` on each item as [`each`] does, and tells of each result in the order of the items, as soon as those before it are
/// there: whoever breaks it off has seen what was done.
pub(super) fn each_told<T: Sync, R: Send>(
    what: &'static str,
    items: &[T],
    at_once: usize,
    work: impl Fn(&T) -> R + Sync,
    tell: impl FnMut(&T, R) + Send,
) {
    let bar = bar(what, items.len());
    let next = AtomicUsize::new(0);
    let done = Mutex::new((BTreeMap::new(), 0, tell));
    let take = || {
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            let result = work(item);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            let (results, told, tell) = &mut *done;
            results.insert(at, result);
            // What is printed must not stand in the line of the bar.
            bar.suspend(|| {
                while let (Some(result), Some(item)) = (results.remove(told), items.get(*told)) {
                    tell(item, result);
                    *told += 1;
                }
            });
            bar.inc(1);
        }
    };
    thread::scope(|scope| {
        for _ in 1..at_once.min(items.len()) {
            // Where the system gives no thread, the others do more.
            let _ = thread::Builder::new().spawn_scoped(scope, take);
        }
        take();
    });
    bar.finish_and_clear();
}

/// A bar for so many items. It is hidden where stderr is no terminal.
pub(super) fn bar(what: &'static str, items: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(items).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        Ok(style) => bar.with_style(style).with_message(what),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_the_results_keep_their_order() {
        let items: Vec<usize> = (0..100).collect();
        let worked = AtomicUsize::new(0);
        let results = each("test", &items, 7, |item| {
            worked.fetch_add(1, Ordering::Relaxed);
            item * 2
        });
        assert_eq!(results, (0..100).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(worked.into_inner(), 100);
        assert_eq!(each("none", &[] as &[u8], 7, |_| ()), []);
    }

    #[test]
    fn each_result_is_told_while_later_items_are_still_to_be_done() {
        let told = AtomicUsize::new(0);
        let work = |item: &usize| (*item, told.load(Ordering::Relaxed));
        each_told("test", &[0, 1, 2], 1, work, |item, (worked, before)| {
            assert_eq!((*item, *item), (worked, before));
            told.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(told.into_inner(), 3);
    }
}
