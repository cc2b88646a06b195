//! Durations on a logarithmic scale.
//!
//! Each bucket is 2^(1/4) times as wide as the one before, and its geometric middle stands for all durations in it. So the
//! error of a percentile is at most 2^(1/8) - 1, which is 9.1 %, plus half a millisecond by rounding. Bucket counts add
//! up, so percentiles of many hours are as exact as those of one.

/// The slot that is not a bucket: the sum of all durations, in milliseconds.
pub(super) const SUM: u64 = 0;

/// The longest duration, in milliseconds: 35 years. Longer ones count as this.
pub(super) const LONGEST: u64 = (1 << 40) - 1;

/// The borders within a doubling: 2^(1/4), 2^(2/4), 2^(3/4).
const STEPS: [f64; 3] = [1.189_207_115_002_721, std::f64::consts::SQRT_2, 1.681_792_830_507_429];

/// The middles of its four buckets: 2^(1/8), 2^(3/8), 2^(5/8), 2^(7/8).
const MIDDLES: [f64; 4] =
    [1.090_507_732_665_257_7, 1.296_839_554_651_009_6, 1.542_210_825_407_940_7, 1.834_008_086_409_342_5];

/// The slot of a duration's bucket, from 1. Less than a millisecond counts as a millisecond.
pub(super) fn bucket(millis: u64) -> u64 {
    let millis = millis.clamp(1, LONGEST);
    let doublings = millis.ilog2();
    let rest = millis as f64 / (1_u64 << doublings) as f64;
    let quarter = STEPS.iter().filter(|step| rest >= **step).count();
    1 + 4 * u64::from(doublings) + quarter as u64
}

/// The duration that stands for all in a bucket, in milliseconds.
fn middle(bucket: u64) -> f64 {
    let place = bucket.saturating_sub(1);
    (1_u64 << (place / 4).min(40)) as f64 * MIDDLES[(place % 4) as usize]
}

/// The number of buckets, and one for the sum's slot.
const SLOTS: usize = 161;

/// Counts by bucket.
pub(super) struct Histogram([u64; SLOTS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; SLOTS])
    }
}

impl Histogram {
    /// Adds the count of a slot. The slot of the sum is skipped.
    pub fn add(&mut self, slot: u64, count: u64) {
        if slot != SUM
            && let Some(bucket) = usize::try_from(slot).ok().and_then(|slot| self.0.get_mut(slot))
        {
            *bucket += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The nearest-rank percentile in whole milliseconds. `None` if nothing was counted.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut passed = 0;
        let found = self.0.iter().position(|count| {
            passed += count;
            passed >= rank
        })?;
        Some(middle(found as u64).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(times: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for time in times {
            histogram.add(bucket(*time), 1);
            histogram.add(SUM, *time);
        }
        histogram
    }

    /// The percentile of the durations themselves.
    fn exact(times: &[u64], percent: usize) -> u64 {
        let mut times = times.to_vec();
        times.sort_unstable();
        times[(times.len() * percent).div_ceil(100).max(1) - 1]
    }

    #[test]
    fn buckets_grow_by_a_quarter_of_a_doubling() {
        let slots: Vec<u64> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 1_000, LONGEST, u64::MAX].map(bucket).to_vec();
        assert_eq!(slots, [1, 1, 5, 7, 9, 10, 11, 12, 13, 40, 160, 160]);
        for place in 1..160 {
            let growth = middle(place + 1) / middle(place);
            assert!((growth - 2_f64.powf(0.25)).abs() < 1e-9, "{place}: {growth}");
        }
    }

    #[test]
    fn an_empty_histogram_has_no_percentile() {
        assert_eq!((counted(&[]).percentile(50), counted(&[]).count()), (None, 0));
        assert_eq!(counted(&[0]).percentile(95), Some(1));
    }

    proptest! {
        #[test]
        fn the_error_of_a_percentile_is_bounded(
            times in proptest::collection::vec(prop_oneof![1..50_u64, 1..600_000_u64, 1..LONGEST], 1..400),
            percent in 1..=100_usize,
        ) {
            let estimate = counted(&times).percentile(percent as u64).unwrap() as f64;
            let exact = exact(&times, percent) as f64;
            let bound = exact * (2_f64.powf(0.125) - 1.0) + 0.5;
            prop_assert!((estimate - exact).abs() <= bound + 1e-6, "{estimate} for {exact}");
        }

        #[test]
        fn histograms_add_up(
            parts in proptest::collection::vec(proptest::collection::vec(1..100_000_u64, 0..40), 1..8),
        ) {
            let (whole, mut merged) = (counted(&parts.concat()), Histogram::default());
            for part in parts.iter().map(|part| counted(part)) {
                part.0.iter().enumerate().for_each(|(slot, count)| merged.add(slot as u64, *count));
            }
            prop_assert_eq!(whole.0, merged.0);
        }
    }
}
