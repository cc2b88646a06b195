//! The object's one schedule: everything that is open, driven until it is settled.

use std::time::Duration;

use super::call::Refusal;
use super::life;
use super::object::ProjectObject;
use crate::account::{AccountTarget, AddProject, RemoveProject};
use crate::metrics::StoredOutbox;
use crate::object::{Alarm, call};
use contract::{ProjectId, Timestamp};

/// How long open work waits while a setting is wrong: somebody has to mend it first.
const UNTIL_MENDED: Duration = Duration::from_secs(60);

/// What the alarm does instead while a setting is wrong: it rings again later, so that no open work is forgotten.
pub async fn postpone(alarm: &dyn Alarm, now: Timestamp) {
    alarm.set(Some(now.after(UNTIL_MENDED))).await;
}

impl ProjectObject<'_> {
    /// What the alarm does. It may run twice or break off at any await: every step may be repeated, and the next
    /// alarm is set before the first of them.
    ///
    /// # Errors
    /// Only when the object's own storage fails. The shell logs it; the next alarm, set before, does the rest.
    pub async fn alarm(&self) -> Result<(), Refusal> {
        // A name that nobody uses yet may be watched, too.
        let Some(project) = self.project()? else { return self.arm().await };
        self.memory.rang_at.set(Some(self.clock.now()));
        life::wait_longer(self.records(), self.clock.now())?;
        self.arm().await?;
        // One step's failure keeps nothing from the others.
        let outcomes = [
            self.deliver_stored(&project).await,
            self.refresh(&project).await.map(drop),
            self.mend_flat(&project).await,
        ];
        self.register(&project).await;
        self.arm().await?;
        let told = self.tell(&project).await;
        // The last, since nobody waits for it.
        if StoredOutbox::new(self.sql).send(self.objects, self.clock).await? {
            self.arm().await?;
        }
        outcomes.into_iter().chain([told]).collect()
    }

    async fn mend_flat(&self, project: &ProjectId) -> Result<(), Refusal> {
        if self.mend_flat_path(project).await? {
            life::touch(self.records(), self.clock.now())?;
        }
        Ok(())
    }

    /// Lists the project in the account of its owner or admin, and in nobody else's. A failure is mended by the next
    /// alarm; what was done already and is done again changes nothing.
    pub(super) async fn register(&self, project: &ProjectId) {
        let records = self.records();
        let former = || life::former(records).unwrap_or_default();
        for user in former() {
            // They may have got it back meanwhile.
            let (true, Ok(turn)) = (former().contains(&user), life::turn(records)) else { continue };
            let account = AccountTarget(user.clone());
            if call(self.objects, &account, RemoveProject(project.clone())).await.is_ok() {
                let _ = life::taken_off(records, &user, turn);
            }
        }
        let (Ok(Some(user)), Ok(turn)) = (life::account_due(records), life::turn(records)) else { return };
        let account = AccountTarget(user.clone());
        if call(self.objects, &account, AddProject(project.clone())).await.is_ok() {
            let _ = life::listed(records, &user, turn);
        }
    }
}
