//! Transfer: an admin makes a user the owner of a project.

use super::object::{ProjectObject, READ_TIMEOUT};
use super::request::{ProjectTarget, Refusal};
use super::transitions::{self, Ownership};

impl ProjectObject<'_> {
    /// Makes `owner` the owner, and returns the previous one. Disconnects the watchers, since the project may no longer be
    /// theirs. Updates the accounts of both users; the alarm makes up for a failure.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if neither the records nor the bucket know the name, or the caller is not an admin.
    pub(super) async fn transfer(&self, call: &ProjectTarget, owner: &str) -> Result<Option<String>, Refusal> {
        if !call.caller.admin {
            return Err(Refusal::NotFound);
        }
        let records = self.records();
        if transitions::ownership(records, &call.caller)? == Ownership::Free
            && !self.with_request_timeout(READ_TIMEOUT).adopt_project(&call.project).await?
        {
            return Err(Refusal::NotFound);
        }
        let previous = transitions::set_owner(records, owner)?;
        transitions::schedule_soon(records, self.clock.now())?;
        if previous.as_deref() != Some(owner) {
            self.sockets.close_all("the project has another owner now");
            self.memory.repairs.forget();
        }
        // If the rest breaks off, the alarm does it.
        self.arm().await?;
        self.update_accounts(&call.project).await;
        self.arm().await?;
        Ok(previous)
    }
}
