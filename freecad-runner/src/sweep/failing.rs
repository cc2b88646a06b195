//! What the sweep could not mend, such as an object that the store does not let go: it is tried less often than it is
//! found, and told of once. No I/O, no clock.

use std::collections::HashMap;
use std::time::Duration;

use s3::S3Error;

use crate::queue::Job;

/// How long it is left alone.
pub const REST: Duration = Duration::from_secs(30);

/// For how long it is known. Each try begins it anew, so that what was not tried for so long is another's doing.
const MEMORY: Duration = Duration::from_secs(3_600);

/// What came of one version.
#[derive(Debug)]
pub struct Mended {
    /// Which one.
    pub job: Job,
    /// How many tickets were made.
    pub outcome: Result<usize, S3Error>,
}

/// Those that failed, and when they were tried last, on a monotonic clock.
#[derive(Debug, Default)]
pub struct Failing(HashMap<Job, Duration>);

impl Failing {
    /// Whether it may be tried at `now`.
    pub fn is_due(&self, job: &Job, now: Duration) -> bool {
        self.0.get(job).is_none_or(|tried| *tried + REST <= now)
    }

    /// Takes in what came of some. Gives how many tickets were made, and which failed that did not fail before.
    pub fn sorted(&mut self, mended: Vec<Mended>, now: Duration) -> (usize, Vec<(Job, S3Error)>) {
        let (mut made, mut news) = (0, Vec::new());
        for Mended { job, outcome } in mended {
            match outcome {
                Ok(tickets) => {
                    made += tickets;
                    self.0.remove(&job);
                }
                Err(error) => {
                    if self.0.insert(job.clone(), now).is_none() {
                        news.push((job, error));
                    }
                }
            }
        }
        (made, news)
    }

    /// Forgets what was not tried for an hour.
    pub fn forget_old(&mut self, now: Duration) {
        self.0.retain(|_, tried| *tried + MEMORY > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_rests_is_told_of_once_and_is_forgotten() {
        let job = || -> Job { ("p".parse().unwrap(), 1.try_into().unwrap()) };
        let failed = || vec![Mended { job: job(), outcome: Err(S3Error::NotFound) }];
        let mut failing = Failing::default();
        assert!(failing.is_due(&job(), Duration::ZERO));
        assert_eq!(failing.sorted(failed(), Duration::ZERO), (0, vec![(job(), S3Error::NotFound)]));
        assert!(!failing.is_due(&job(), REST / 2) && failing.is_due(&job(), REST));
        assert_eq!(failing.sorted(failed(), REST), (0, Vec::new()));
        failing.forget_old(REST + MEMORY / 2);
        assert_eq!(failing.0.len(), 1);
        failing.forget_old(REST + MEMORY);
        assert_eq!(failing.0.len(), 0);
        failing.sorted(failed(), REST);
        assert_eq!(failing.sorted(vec![Mended { job: job(), outcome: Ok(1) }], REST), (1, Vec::new()));
        assert!(failing.is_due(&job(), REST));
    }
}
