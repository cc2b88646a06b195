//! The alarm: drives everything that is open until it is settled.

use std::time::Duration;

use super::object::ProjectObject;
use super::request::Refusal;
use super::transitions;
use crate::account::{AccountTarget, AddProject, RemoveProject};
use crate::metrics::StoredOutbox;
use crate::object::{Alarm, call};
use contract::{ProjectId, Timestamp};

/// How long open work waits while a setting is wrong: a person has to correct it first.
const CONFIG_ERROR_PAUSE: Duration = Duration::from_secs(60);

/// Sets the alarm again instead of working, while a setting is wrong. So no open work is forgotten.
pub async fn postpone(alarm: &dyn Alarm, now: Timestamp) {
    alarm.set(Some(now.after(CONFIG_ERROR_PAUSE))).await;
}

impl ProjectObject<'_> {
    /// Handles the alarm. It may run twice or stop at any await: every step may be repeated, and the next alarm is set
    /// before the first step.
    ///
    /// # Errors
    /// Only when the object's own storage fails. The shell logs it, and the next alarm does the rest.
    pub async fn alarm(&self) -> Result<(), Refusal> {
        // Even a free name can have watchers, whose time ends.
        let Some(project) = self.project()? else { return self.arm().await };
        self.memory.freshness.set_alarm(self.clock.now());
        transitions::schedule_later(self.records(), self.clock.now())?;
        self.arm().await?;
        // A failed step does not stop the others.
        let outcomes = [
            self.deliver_stored(&project).await,
            self.refresh(&project).await.map(drop),
            self.update_flat_path(&project).await,
        ];
        self.update_accounts(&project).await;
        self.arm().await?;
        let notified = self.notify(&project).await;
        // Last, because nothing waits for it.
        if StoredOutbox::new(self.sql).send(self.objects, self.clock).await? {
            self.arm().await?;
        }
        outcomes.into_iter().chain([notified]).collect()
    }

    /// Lists the project in the account of its owner or admin, and in no other. The next alarm makes up for a failure.
    /// Repeating a call to an account changes nothing.
    pub(super) async fn update_accounts(&self, project: &ProjectId) {
        let records = self.records();
        let former = || transitions::former_owners(records).unwrap_or_default();
        for user in former() {
            let Ok(generation) = transitions::listing_generation(records) else { continue };
            // The user may have got the project back since.
            if !former().contains(&user) {
                continue;
            }
            let account = AccountTarget(user.clone());
            if call(self.objects, &account, RemoveProject(project.clone())).await.is_ok() {
                let _ = transitions::unlisted(records, &user, generation);
            }
        }
        let Ok(Some(user)) = transitions::account_due(records) else { return };
        let Ok(generation) = transitions::listing_generation(records) else { return };
        let account = AccountTarget(user.clone());
        if call(self.objects, &account, AddProject(project.clone())).await.is_ok() {
            let _ = transitions::listed(records, &user, generation);
        }
    }
}
