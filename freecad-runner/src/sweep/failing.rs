//! The versions that the sweep could not repair, for example because the store refuses to delete an object. They are
//! tried again after a pause, and logged once. No I/O, no clock.

use std::collections::HashMap;
use std::time::Duration;

use s3::S3Error;

use crate::queue::Job;

/// The pause before another try.
pub const REPAIR_PAUSE: Duration = Duration::from_secs(30);

/// How long a failure is remembered after the last try.
const FAILURE_MEMORY: Duration = Duration::from_secs(3_600);

/// The result of repairing one version.
#[derive(Debug)]
pub struct Repaired {
    pub job: Job,
    /// The number of tickets that were put.
    pub outcome: Result<usize, S3Error>,
}

/// The versions that failed, and when they were last tried on a monotonic clock.
#[derive(Debug, Default)]
pub struct Failing(HashMap<Job, Duration>);

impl Failing {
    /// Whether it may be tried at `now`.
    pub fn is_due(&self, job: &Job, now: Duration) -> bool {
        self.0.get(job).is_none_or(|tried| *tried + REPAIR_PAUSE <= now)
    }

    /// Takes in results. Gives the number of tickets that were put, and the versions that failed for the first time.
    pub fn record(&mut self, repaired: Vec<Repaired>, now: Duration) -> (usize, Vec<(Job, S3Error)>) {
        let (mut made, mut first_failures) = (0, Vec::new());
        for Repaired { job, outcome } in repaired {
            match outcome {
                Ok(tickets) => {
                    made += tickets;
                    self.0.remove(&job);
                }
                Err(error) => {
                    if self.0.insert(job.clone(), now).is_none() {
                        first_failures.push((job, error));
                    }
                }
            }
        }
        (made, first_failures)
    }

    /// Forgets the versions that were not tried for an hour.
    pub fn forget_old(&mut self, now: Duration) {
        self.0.retain(|_, tried| *tried + FAILURE_MEMORY > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_pauses_and_is_reported_once() {
        let job = || -> Job { ("p".parse().unwrap(), 1.try_into().unwrap()) };
        let failed = || vec![Repaired { job: job(), outcome: Err(S3Error::NotFound) }];
        let mut failing = Failing::default();
        assert!(failing.is_due(&job(), Duration::ZERO));
        assert_eq!(failing.record(failed(), Duration::ZERO), (0, vec![(job(), S3Error::NotFound)]));
        assert!(!failing.is_due(&job(), REPAIR_PAUSE / 2) && failing.is_due(&job(), REPAIR_PAUSE));
        assert_eq!(failing.record(failed(), REPAIR_PAUSE), (0, Vec::new()));
        failing.forget_old(REPAIR_PAUSE + FAILURE_MEMORY / 2);
        assert_eq!(failing.0.len(), 1);
        failing.forget_old(REPAIR_PAUSE + FAILURE_MEMORY);
        assert_eq!(failing.0.len(), 0);
        failing.record(failed(), REPAIR_PAUSE);
        assert_eq!(failing.record(vec![Repaired { job: job(), outcome: Ok(1) }], REPAIR_PAUSE), (1, Vec::new()));
        assert!(failing.is_due(&job(), REPAIR_PAUSE));
    }
}
