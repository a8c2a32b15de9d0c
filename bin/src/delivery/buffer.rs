//! Octets as they come from a connection, and what is found at their start.

/// What a reader finds at the start of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// A whole request, and how many octets it takes up.
    Whole(T, usize),
    /// The start of one.
    Part,
    /// Something that is none, or one that is too long.
    Broken,
}

/// Takes the first `octets` off a buffer.
pub(crate) fn take(input: &mut Vec<u8>, octets: usize) -> Vec<u8> {
    let rest = input.split_off(octets.min(input.len()));
    std::mem::replace(input, rest)
}
