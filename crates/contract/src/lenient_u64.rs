//! A whole number in any form that JSON allows.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A whole number that also reads from `3.0` and `3e0`.
///
/// JSON has one type of number (RFC 8259, section 6), and some programs write whole numbers with a fraction of zero.
/// serde's own integers accept `3` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LenientU64(pub u64);

/// 2^53: from here on a float may stand for more than one whole number.
const LIMIT: f64 = 9_007_199_254_740_992.0;

impl<'de> Deserialize<'de> for LenientU64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = LenientU64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<LenientU64, E> {
                Ok(LenientU64(number))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<LenientU64, E> {
                if (0.0..LIMIT).contains(&number) && number.fract() == 0.0 {
                    Ok(LenientU64(number as u64))
                } else {
                    Err(E::invalid_value(Unexpected::Float(number), &self))
                }
            }
        }

        deserializer.deserialize_u64(NumberVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_whole_number_are_read() {
        let read = |text: &str| serde_json::from_str::<LenientU64>(text).ok().map(|number| number.0);
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
