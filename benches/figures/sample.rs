//! Samples and their medians.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// What is done once a round, and how long it took.
type Sample<'a> = &'a mut dyn FnMut() -> io::Result<Duration>;

/// Does each of `samples` in turn, `rounds` times, and returns their medians: what disturbs the machine for a
/// while disturbs all of them.
pub(crate) fn interleaved<const N: usize>(
    rounds: usize,
    mut samples: [Sample<'_>; N],
) -> io::Result<[Duration; N]> {
    // A tenth of the rounds is not counted: connections are opened, statements prepared, pages read.
    for _ in 0..rounds.div_ceil(10) {
        for sample in &mut samples {
            sample()?;
        }
    }
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (sample, times) in samples.iter_mut().zip(&mut times) {
            times.push(sample()?);
        }
    }
    Ok(times.map(|mut times| median(&mut times)))
}

/// The middle one, or of an even number the upper of the two; zero if there is none.
pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// How long it takes until four more kibibytes are on disk: no commit can be quicker.
pub(crate) fn sync(file: &mut File) -> io::Result<Duration> {
    let started = Instant::now();
    file.write_all(&[1; 4096])?;
    file.sync_all()?;
    Ok(started.elapsed())
}
