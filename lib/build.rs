//! An added migration must rebuild the crate: the embedding macro alone does not see new files.

fn main() {
    println!("cargo:rerun-if-changed=migrations/sqlite");
}
