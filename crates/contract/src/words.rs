//! Enums whose variants are words in JSON, in tables and in keys.

/// Declares an enum with the word of each variant: `ALL`, `as_str`, `Display` and serde.
///
/// With `else "…"` the enum also implements `FromStr`; the text is the message of the error.
///
/// ```
/// contract::word_enum! {
///     pub enum Colour {
///         Red = "red",
///         DarkBlue = "dark_blue",
///     } else "a colour is red or dark_blue"
/// }
/// assert_eq!("dark_blue".parse(), Ok(Colour::DarkBlue));
/// ```
#[macro_export]
macro_rules! word_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }
        $(else $problem:literal)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All variants, in the order of their declaration.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $(impl std::str::FromStr for $name {
            type Err = $crate::IdError;

            fn from_str(text: &str) -> Result<Self, $crate::IdError> {
                Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or($crate::IdError::new($problem))
            }
        })?
    };
}

#[cfg(test)]
mod tests {
    word_enum! {
        enum Word {
            One = "one",
            TwoWords = "two_words",
        } else "a word is one or two_words"
    }

    #[test]
    fn all_forms_of_a_word_agree() {
        for word in Word::ALL {
            assert_eq!(word.as_str().parse(), Ok(word));
            assert_eq!(serde_json::to_string(&word).unwrap(), format!("\"{word}\""));
        }
        let error = "Two_words".parse::<Word>().unwrap_err();
        assert_eq!(error.to_string(), "a word is one or two_words");
    }
}
