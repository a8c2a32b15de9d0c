//! Enums whose variants have words: in the database, in settings, in requests and in replies.

/// Defines an enum of which each variant has a word, with `as_str`, `Display` and `FromStr`. Any other text gives the error that
/// stands after `else`. With `all ALL` before that, `ALL` is a list of every variant.
macro_rules! words {
    (
        $(#[$about:meta])*
        $vis:vis enum $name:ident {
            $($(#[$meaning:meta])* $variant:ident = $word:literal,)+
        }
        all $all:ident,
        else $invalid:ident $(($why:literal))?
    ) => {
        $crate::word::words! {
            $(#[$about])*
            $vis enum $name {
                $($(#[$meaning])* $variant = $word,)+
            }
            else $invalid $(($why))?
        }

        impl $name {
            /// Every one of them.
            $vis const $all: &[$name] = &[$($name::$variant),+];
        }
    };
    (
        $(#[$about:meta])*
        $vis:vis enum $name:ident {
            $($(#[$meaning:meta])* $variant:ident = $word:literal,)+
        }
        else $invalid:ident $(($why:literal))?
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$meaning])* $variant,)+
        }

        impl $name {
            /// The word for it.
            $vis fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<$name, $invalid> {
                match text {
                    $($word => Ok($name::$variant),)+
                    _ => Err($invalid $(($why))?),
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    words! {
        /// Which way a stone falls.
        #[derive(PartialOrd, Ord)]
        enum Way {
            /// Towards the ground.
            Down = "down",
            /// Away from it.
            UpHigh = "up_high",
        }
        all ALL,
        else InvalidWay
    }

    #[derive(Debug, PartialEq)]
    struct InvalidWay;

    #[test]
    fn each_variant_is_parsed_from_its_word_and_from_no_other_text() {
        assert_eq!(Way::ALL, [Way::Down, Way::UpHigh]);
        for way in Way::ALL {
            assert_eq!(way.as_str().parse(), Ok(*way));
            assert_eq!(way.to_string(), way.as_str());
        }
        for text in ["", "Down", "down ", "UpHigh"] {
            assert_eq!(text.parse::<Way>(), Err(InvalidWay), "{text:?}");
        }
    }
}
