//! The metrics of a turn by provider and model, counted in the stretch of SQL in which each event happens.

use super::call::ChatRefusal;
use super::object::ChatObject;
use super::turn::{Turn, is_of_the_script};
use crate::ai::ProviderCall;
use crate::metrics::{Metric, Sample, StoredOutbox, model_label};
use contract::{Outcome, Report};

impl ChatObject<'_> {
    /// Counts the tries of one question, and remembers the model that answered: the script's result counts as its own.
    pub(super) fn count_tries(&self, turn: &mut Turn, tries: &[ProviderCall]) {
        for asked in tries {
            let label = model_label(&asked.provider, &asked.model);
            match asked.failure {
                Some(kind) => self.record(&[Sample::once(Metric::AiFailure, &format!("{label}\t{}", kind.as_str()))]),
                None => {
                    self.record(&[Sample::once(Metric::AiSuccess, &label)]);
                    self.record(&Sample::duration(Metric::AiTime, &label, asked.took));
                    if turn.repair > 0 {
                        self.record(&[Sample::once(Metric::Repair, &label)]);
                    }
                }
            }
            if let Some(usage) = asked.usage {
                let input = Sample::times(Metric::AiInput, &label, usage.input);
                self.record(&[input, Sample::times(Metric::AiOutput, &label, usage.output)]);
            }
            turn.written_by = Some(label);
        }
        // Once for a question, whatever the number of tries.
        if tries.iter().any(|asked| asked.is_fallback)
            && let Some(label) = &turn.written_by
        {
            self.record(&[Sample::once(Metric::AiFallback, label)]);
        }
    }

    /// Counts the result of a script, unless neither a model nor the script's own fault: that says nothing about its
    /// author.
    pub(super) fn count_run(&self, turn: &Turn, report: &Report) {
        let is_its_own = matches!(report.outcome, Outcome::Completed | Outcome::TimedOut) || is_of_the_script(report);
        let (true, Some(label)) = (is_its_own, &turn.written_by) else { return };
        let is_repair = turn.repair > 0;
        if !is_repair {
            self.record(&[Sample::once(Metric::FirstRun, label)]);
        }
        if report.outcome == Outcome::Completed {
            let metric = if is_repair { Metric::RepairSucceeded } else { Metric::FirstRunSucceeded };
            self.record(&[Sample::once(metric, label)]);
        }
    }

    /// Sends what is due.
    pub(super) async fn send_metrics(&self) -> Result<(), ChatRefusal> {
        StoredOutbox::new(self.sql).send(self.objects, self.clock).await?;
        Ok(())
    }

    fn record(&self, samples: &[Sample<'_>]) {
        let now = self.clock.now();
        StoredOutbox::new(self.sql).record(samples, now, now);
    }
}
