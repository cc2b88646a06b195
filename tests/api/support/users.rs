//! Users of their own, by calls to the objects. Who somebody is the API decides before that, which has tests of its own.

use contract::{Origin, RequestId};
use partwright::account::{AccountCall, ProjectPage};
use partwright::object::{ObjectName, call};
use partwright::project::{Answer, Caller, NewScript, Operation, ProjectCall, Refusal, Reply};

use super::world::World;

/// Somebody.
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
    /// A user like any other.
    pub fn user(&self, user: &str) -> User<'_> {
        User { world: self, caller: Caller { user: user.to_owned(), admin: false } }
    }

    /// One with the role `admin`.
    pub fn admin(&self, user: &str) -> User<'_> {
        User { world: self, caller: Caller { user: user.to_owned(), admin: true } }
    }
}

impl User<'_> {
    /// Asks a project's object.
    pub async fn ask(&self, project: &str, operation: Operation) -> Answer {
        let project: contract::ProjectId = project.parse().unwrap();
        let question = ProjectCall {
            project: project.clone(),
            caller: self.caller.clone(),
            request_id: RequestId::random(),
            operation,
        };
        call(self.world, &ObjectName::Project(project), &question).await.unwrap()
    }

    /// Uploads a script; gives its number.
    pub async fn upload(&self, project: &str) -> Result<u64, Refusal> {
        let code = format!("by = {:?}", self.caller.user);
        let script = NewScript { code, metadata: None, origin: Origin::Upload, parent: None };
        match self.ask(project, Operation::Upload { script, idempotency: None, patience_ms: None }).await? {
            Reply::Uploaded(uploaded) => Ok(uploaded.version.get()),
            other => Err(Refusal::Broken(format!("{other:?}"))),
        }
    }

    /// How many versions of a project they see; none where they see no project.
    pub async fn sees(&self, project: &str) -> Option<u64> {
        match self.ask(project, Operation::Versions { before: None, limit: 1 }).await {
            Ok(Reply::Versions { total, .. }) => Some(total),
            Err(Refusal::NotFound) => None,
            other => Some(other.map_or(u64::MAX, |_| u64::MAX - 1)),
        }
    }

    /// The projects that their account lists, newest first.
    pub async fn listed(&self) -> Vec<String> {
        let question = AccountCall::List { cursor: None, limit: 100 };
        let account = ObjectName::Account(self.caller.user.clone());
        let page: ProjectPage = call(self.world, &account, &question).await.unwrap();
        page.projects.iter().map(|project| project.project_name.to_string()).collect()
    }
}
