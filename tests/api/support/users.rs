//! Users that call the objects directly, without the API's authentication, which has its own tests.

use contract::{Origin, RequestId};
use partwright::account::{AccountTarget, ListProjects};
use partwright::object::{CallError, ObjectRequest, call};
use partwright::project::{Caller, ListVersions, NewScript, ProjectTarget, Refusal, UploadScript};
use serde::de::DeserializeOwned;

use super::world::World;

/// A user of the objects.
pub struct User<'a> {
    world: &'a World,
    caller: Caller,
}

impl std::fmt::Debug for User<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.caller.user)
    }
}

impl World {
    /// A user without the role `admin`.
    pub fn user(&self, user: &str) -> User<'_> {
        User { world: self, caller: Caller { user: user.to_owned(), admin: false } }
    }

    /// A user with the role `admin`.
    pub fn admin(&self, user: &str) -> User<'_> {
        User { world: self, caller: Caller { user: user.to_owned(), admin: true } }
    }
}

impl User<'_> {
    /// Calls a project's object.
    pub async fn ask<R>(&self, project: &str, request: R) -> Result<R::Reply, Refusal>
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned>,
    {
        let (caller, request_id) = (self.caller.clone(), RequestId::random());
        let target = ProjectTarget { project: project.parse().unwrap(), caller, request_id };
        call(self.world, &target, request).await.map_err(|error| match error {
            CallError::Refused(refusal) => refusal,
            CallError::Failed(error) => panic!("{error}"),
        })
    }

    /// Uploads a script; returns its version.
    pub async fn upload(&self, project: &str) -> Result<u64, Refusal> {
        let code = format!("by = {:?}", self.caller.user);
        let script = NewScript { code, metadata: None, origin: Origin::Upload, parent: None };
        let request = UploadScript { script, idempotency: None, timeout_ms: None };
        Ok(self.ask(project, request).await?.version.get())
    }

    /// The number of versions of a project, if this user may see it.
    pub async fn sees(&self, project: &str) -> Option<u64> {
        match self.ask(project, ListVersions { before: None, limit: 1 }).await {
            Ok(page) => Some(page.total),
            Err(Refusal::NotFound) => None,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// The projects of this user's account, newest first.
    pub async fn listed(&self) -> Vec<String> {
        let account = AccountTarget(self.caller.user.clone());
        let page = call(self.world, &account, ListProjects { cursor: None, limit: 100 }).await.unwrap();
        page.projects.iter().map(|project| project.project_name.to_string()).collect()
    }
}
