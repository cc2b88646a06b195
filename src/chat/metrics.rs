//! The metrics of turns, by provider and model. They are noted in the same transaction as the event that they count.

use super::call::ChatRefusal;
use super::object::ChatObject;
use super::turn::{Turn, is_script_failure};
use crate::ai::ProviderCall;
use crate::metrics::{Metric, Sample, StoredOutbox, model_label};
use contract::{Outcome, Report};

impl ChatObject<'_> {
    /// Counts the calls of one question, in the metrics and in the turn's usage. Calls that were lost with their
    /// instance are not counted. The turn remembers which model answered, because its script's result counts for that
    /// model.
    pub(super) fn count_calls(&self, turn: &mut Turn, calls: &[ProviderCall]) {
        turn.usage.calls += calls.len() as u64;
        for call in calls {
            let label = model_label(&call.provider, &call.model);
            match call.failure {
                Some(kind) => self.record(&[Sample::once(Metric::AiFailure, &format!("{label}\t{}", kind.as_str()))]),
                None => {
                    self.record(&[Sample::once(Metric::AiSuccess, &label)]);
                    self.record(&Sample::duration(Metric::AiTime, &label, call.took));
                    if turn.repair > 0 {
                        self.record(&[Sample::once(Metric::Repair, &label)]);
                    }
                }
            }
            if let Some(usage) = call.usage {
                turn.usage.input_tokens += usage.input;
                turn.usage.output_tokens += usage.output;
                let input = Sample::times(Metric::AiInput, &label, usage.input);
                self.record(&[input, Sample::times(Metric::AiOutput, &label, usage.output)]);
            }
            turn.written_by = Some(label);
        }
        // A fallback counts once a question.
        if calls.iter().any(|call| call.is_fallback)
            && let Some(label) = &turn.written_by
        {
            self.record(&[Sample::once(Metric::AiFallback, label)]);
        }
    }

    /// Counts the result of a script. A failure that the script did not cause says nothing about its model.
    pub(super) fn count_report(&self, turn: &Turn, report: &Report) {
        let is_its_own = matches!(report.outcome, Outcome::Completed | Outcome::TimedOut) || is_script_failure(report);
        let (true, Some(label)) = (is_its_own, &turn.written_by) else { return };
        let succeeded = report.outcome == Outcome::Completed;
        let metrics = match (turn.repair, succeeded) {
            (0, true) => &[Metric::FirstRun, Metric::FirstRunSucceeded][..],
            (0, false) => &[Metric::FirstRun],
            (_, true) => &[Metric::RepairSucceeded],
            (_, false) => &[],
        };
        let samples: Vec<Sample<'_>> = metrics.iter().map(|metric| Sample::once(*metric, label)).collect();
        self.record(&samples);
    }

    /// Sends the metrics that are due.
    pub(super) async fn send_metrics(&self) -> Result<(), ChatRefusal> {
        StoredOutbox::new(self.sql).send(self.objects, self.clock).await?;
        Ok(())
    }

    fn record(&self, samples: &[Sample<'_>]) {
        let now = self.clock.now();
        StoredOutbox::new(self.sql).record(samples, now, now);
    }
}
