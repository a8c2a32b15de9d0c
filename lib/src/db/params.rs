//! What is put into a statement: by name, or by place.
//!
//! `named! { ":domain": id.number(), ":now": now.millis() }` gives values to `:domain` and `:now`. A tuple, an array or a
//! vector gives them to `?1`, `?2` and so on; `[]` says that a statement has none.

use super::value::{ToValue, Value};
use crate::error::Error;

/// The values of a statement's parameters.
pub(crate) trait Params {
    /// Calls `bind` with each value.
    fn each(&self, bind: &mut Bind<'_>) -> Result<(), Error>;
}

/// What takes the values. It is no generic function, so that the code of the engines is not made anew for each statement.
pub(crate) type Bind<'b> = dyn FnMut(Place<'_>, Value<'_>) -> Result<(), Error> + 'b;

/// Which parameter a value is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The parameter with this name, which begins with `:`.
    Name(&'a str),
    /// The parameter with this number, from 1.
    Number(usize),
}

/// Values by the names of their parameters.
macro_rules! named {
    ($($name:literal : $value:expr),* $(,)?) => {
        [$(($name, $crate::db::ToValue::to_value(&$value))),*].as_slice()
    };
}
pub(crate) use named;

impl<P: Params + ?Sized> Params for &P {
    fn each(&self, bind: &mut Bind<'_>) -> Result<(), Error> {
        (**self).each(bind)
    }
}

impl<T: ToValue> Params for [(&str, T)] {
    fn each(&self, bind: &mut Bind<'_>) -> Result<(), Error> {
        self.iter().try_for_each(|(name, value)| bind(Place::Name(name), value.to_value()))
    }
}

impl<T: ToValue> Params for Vec<T> {
    fn each(&self, bind: &mut Bind<'_>) -> Result<(), Error> {
        by_place(self, bind)
    }
}

impl Params for [Value<'_>; 0] {
    fn each(&self, _: &mut Bind<'_>) -> Result<(), Error> {
        Ok(())
    }
}

impl<T: ToValue> Params for [T; 1] {
    fn each(&self, bind: &mut Bind<'_>) -> Result<(), Error> {
        by_place(self, bind)
    }
}

impl<T: ToValue> Params for [T; 2] {
    fn each(&self, bind: &mut Bind<'_>) -> Result<(), Error> {
        by_place(self, bind)
    }
}

fn by_place(values: &[impl ToValue], bind: &mut Bind<'_>) -> Result<(), Error> {
    (1..).zip(values).try_for_each(|(number, value)| bind(Place::Number(number), value.to_value()))
}

macro_rules! tuples {
    ($($($name:ident)+;)*) => {$(
        impl<$($name: ToValue),+> Params for ($($name,)+) {
            #[expect(non_snake_case, reason = "each value has the name of its type")]
            fn each(&self, bind: &mut Bind<'_>) -> Result<(), Error> {
                let ($($name,)+) = self;
                by_place(&[$($name.to_value()),+], bind)
            }
        }
    )*};
}

tuples! {
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
}
