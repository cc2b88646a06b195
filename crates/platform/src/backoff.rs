//! Exponential backoff: the pause before a retry.
//!
//! The kinds of jitter are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

use std::time::Duration;

/// A pause that grows with each failure in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The pause after the first failure, before jitter.
    pub first: Duration,
    /// No pause is longer.
    pub max: Duration,
    /// Each pause is this many times the one before. Default: 2.
    pub factor: f64,
    /// How much of the pause is random. Default: none.
    pub jitter: Jitter,
}

/// How much of a pause is random, so that clients that failed together do not retry together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing.
    None,
    /// The upper half: between half of the pause and all of it.
    Equal,
    /// All of it: between zero and the pause.
    Full,
}

impl Backoff {
    /// Doubles from `first` up to `max`, without jitter.
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, factor: 2.0, jitter: Jitter::None }
    }

    /// The same with `jitter`.
    #[must_use]
    pub const fn with_jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// The same with another growth.
    #[must_use]
    pub const fn with_factor(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    /// The pause after `failures` failures in a row, from 1.
    pub fn delay(&self, failures: u32) -> Duration {
        // Uniform is enough: nothing depends on the pause being secret.
        self.delay_at(failures, f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX))
    }

    /// The same at a given `random`, from 0 to 1.
    pub fn delay_at(&self, failures: u32, random: f64) -> Duration {
        // Beyond 2^32 every pause is `max`.
        let exponent = i32::try_from(failures.saturating_sub(1).min(32)).unwrap_or(32);
        let pause = self.first.as_secs_f64() * self.factor.powi(exponent);
        let pause = Duration::from_secs_f64(pause.min(self.max.as_secs_f64()));
        match self.jitter {
            Jitter::None => pause,
            Jitter::Equal => pause / 2 + pause.mul_f64(random / 2.0),
            Jitter::Full => pause.mul_f64(random),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_limit() {
        let backoff = Backoff::new(SECOND, 30 * SECOND);
        let pauses: Vec<u64> = [0, 1, 2, 3, 5, 6, u32::MAX].map(|failures| backoff.delay(failures).as_secs()).into();
        assert_eq!(pauses, [1, 1, 2, 4, 16, 30, 30]);
    }

    #[test]
    fn another_factor_grows_at_its_own_pace() {
        let backoff = Backoff::new(SECOND, 30 * SECOND).with_factor(1.5);
        assert_eq!(backoff.delay(3), Duration::from_millis(2_250));
    }

    #[test]
    fn jitter_stays_within_its_range() {
        let at =
            |jitter, random| Backoff::new(4 * SECOND, 60 * SECOND).with_jitter(jitter).delay_at(2, random).as_secs();
        assert_eq!((at(Jitter::Full, 0.0), at(Jitter::Full, 1.0)), (0, 8));
        assert_eq!((at(Jitter::Equal, 0.0), at(Jitter::Equal, 1.0)), (4, 8));
        assert_eq!((at(Jitter::None, 0.0), at(Jitter::None, 1.0)), (8, 8));
    }
}
