//! The admin gives a project to somebody: one that was found in the bucket, one kept in open mode, or anybody's.

use super::call::{ProjectTarget, Refusal};
use super::life::{self, Standing};
use super::object::{LOOK_PATIENCE, ProjectObject};

impl ProjectObject<'_> {
    /// Makes the project `owner`'s, and gives the previous owner. Who watches it is sent away, since it may not be theirs any more. The accounts of
    /// both users are mended at once, or by the alarm.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a name that neither the records nor the bucket know, and for who is no admin.
    pub(super) async fn assign(&self, call: &ProjectTarget, owner: &str) -> Result<Option<String>, Refusal> {
        if !call.caller.admin {
            return Err(Refusal::NotFound);
        }
        let records = self.records();
        if life::standing(records, &call.caller)? == Standing::Free
            && !self.hasty(LOOK_PATIENCE).find_in_bucket(&call.project).await?
        {
            return Err(Refusal::NotFound);
        }
        let before = life::assign(records, owner)?;
        life::touch(records, self.clock.now())?;
        if before.as_deref() != Some(owner) {
            self.sockets.close_all("the project is somebody else's now");
            self.memory.repairs.forget();
        }
        // Should the rest break off, the alarm does it.
        self.arm().await?;
        self.register(&call.project).await;
        self.arm().await?;
        Ok(before)
    }
}
