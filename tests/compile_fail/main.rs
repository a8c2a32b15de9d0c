//! What must not compile: each file beside this one, and what the compiler says of it.
//!
//! After a change of the compiler's words: `TRYBUILD=overwrite cargo test -p postroom --test compile_fail`, and look at what
//! the change is.

#[test]
fn what_a_type_forbids_does_not_compile() {
    trybuild::TestCases::new().compile_fail("../tests/compile_fail/*_*.rs");
}
