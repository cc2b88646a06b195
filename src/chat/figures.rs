//! What of a turn is counted, by provider and model, noted in the stretch of SQL in which it happens.

use super::call::ChatRefusal;
use super::object::ChatObject;
use super::turn::{Turn, is_of_the_script};
use crate::ai::ProviderCall;
use crate::figures::{Fact, Figure, Outbox, model_label};
use contract::{Outcome, Report};

impl ChatObject<'_> {
    /// Counts the tries of one question, and remembers who has answered it: what becomes of the script is theirs.
    pub(super) fn count_tries(&self, turn: &mut Turn, tries: &[ProviderCall]) {
        for asked in tries {
            let label = model_label(&asked.provider, &asked.model);
            match asked.failure {
                Some(kind) => self.note(&[Fact::once(Figure::AiFailure, &format!("{label}\t{}", kind.as_str()))]),
                None => {
                    self.note(&[Fact::once(Figure::AiSuccess, &label)]);
                    self.note(&Fact::took(Figure::AiTime, &label, asked.took));
                    if turn.repair > 0 {
                        self.note(&[Fact::once(Figure::Repair, &label)]);
                    }
                }
            }
            if let Some(usage) = asked.usage {
                let input = Fact::times(Figure::AiInput, &label, usage.input);
                self.note(&[input, Fact::times(Figure::AiOutput, &label, usage.output)]);
            }
            turn.written_by = Some(label);
        }
        // However often it was tried.
        if tries.iter().any(|asked| asked.is_fallback)
            && let Some(label) = &turn.written_by
        {
            self.note(&[Fact::once(Figure::AiFallback, label)]);
        }
    }

    /// Counts what became of a script. Where it is neither a model nor at fault itself, that says nothing of who wrote it.
    pub(super) fn count_run(&self, turn: &Turn, report: &Report) {
        let is_its_own = matches!(report.outcome, Outcome::Completed | Outcome::TimedOut) || is_of_the_script(report);
        let (true, Some(label)) = (is_its_own, &turn.written_by) else { return };
        let won = report.outcome == Outcome::Completed;
        let figures = match (turn.repair, won) {
            (0, true) => &[Figure::FirstRun, Figure::FirstRunWon][..],
            (0, false) => &[Figure::FirstRun],
            (_, true) => &[Figure::RepairWon],
            (_, false) => &[],
        };
        let facts: Vec<Fact<'_>> = figures.iter().map(|figure| Fact::once(*figure, label)).collect();
        self.note(&facts);
    }

    /// Tells what is due.
    pub(super) async fn tell_figures(&self) -> Result<(), ChatRefusal> {
        Outbox::new(self.sql).tell(self.objects, self.clock).await?;
        Ok(())
    }

    fn note(&self, facts: &[Fact<'_>]) {
        let now = self.clock.now();
        Outbox::new(self.sql).note(facts, now, now);
    }
}
