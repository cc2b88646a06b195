//! A whole number as JSON may write it.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A whole number that JSON carries without loss. To JSON `3`, `3.0` and `3e0` are the same number, and some programs
/// write the second; serde's own integers take the first alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(pub u64);

/// The first whole number that a float may stand for by mistake: 2^53.
const LIMIT: f64 = 9_007_199_254_740_992.0;

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;

        impl Visitor<'_> for Numbers {
            type Value = Whole;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
                if (0.0..LIMIT).contains(&number) && number.fract() == 0.0 {
                    Ok(Whole(number as u64))
                } else {
                    Err(E::invalid_value(Unexpected::Float(number), &self))
                }
            }
        }

        deserializer.deserialize_u64(Numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_however_it_is_written() {
        let read = |text: &str| serde_json::from_str::<Whole>(text).ok().map(|whole| whole.0);
        for text in ["3", "3.0", "3e0", "30e-1", "0.3e1"] {
            assert_eq!(read(text), Some(3), "{text}");
        }
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("9007199254740991.0"), Some((1 << 53) - 1));
        assert_eq!(read("2251799813685247.0"), Some((1 << 51) - 1));
        for text in ["3.5", "-1", "-1.0", "1e300", "9007199254740992.0", "\"3\"", "true", "null", "[3]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
