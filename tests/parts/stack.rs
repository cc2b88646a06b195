//! Store, Worker and runner together, in a folder of their own.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::RunId;
use s3::{Bucket, Client};

use crate::http::Api;
use crate::project::Project;
use crate::runner::Runner;
use crate::store::{Kind, Store};
use crate::tools::free_port;
use crate::transport::{SystemClock, Transport};
use crate::worker::{ADMIN_TOKEN, RUNNER_TOKEN, Worker};

/// A whole stack. Its fields are dropped in this order: who uses something ends before it.
pub struct Stack {
    /// Which store it has.
    pub kind: Kind,
    /// HTTP to everything.
    pub transport: Transport,
    /// The clock.
    pub clock: SystemClock,
    /// The names that scenarios have used.
    pub projects: RefCell<BTreeSet<String>>,
    /// The issuers' tokens that scenarios have shown to a Worker, sound and otherwise.
    pub sent_jwts: RefCell<BTreeSet<String>>,
    /// The runners that work everything off, once they were started.
    pub runners: RefCell<Vec<Runner>>,
    worker: Worker,
    store: Store,
    bucket: Bucket,
    folder: Folder,
}

impl Stack {
    /// Starts store and Worker, and waits until both answer. No runner yet.
    pub async fn start(kind: Kind) -> Self {
        let folder = Folder::create();
        let port = free_port();
        let store = Store::start(kind, &folder.0, port);
        let transport = Transport::new().unwrap();
        let mut worker = Worker::start(&folder.0, "worker", port, &with_access(kind, store.settings.clone()));
        worker.ready(&transport, 200).await;
        let (clock, bucket) = (SystemClock::new(), store.bucket());
        let (projects, sent_jwts, runners) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { kind, transport, clock, projects, sent_jwts, runners, worker, store, bucket, folder }
    }

    /// The bucket, as those who have its keys see it.
    pub fn client(&self) -> Client<'_> {
        Client::new(&self.transport, &self.clock, &self.bucket)
    }

    /// Whether runners may send hints. Where they may not, everything works all the same.
    pub fn has_hints(&self) -> bool {
        has_hints(self.kind)
    }

    /// The settings of the store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The settings of the Worker.
    pub fn settings(&self) -> Vec<(String, String)> {
        with_access(self.kind, self.store.settings.clone())
    }

    /// The processor time that store and Worker have taken so far.
    pub fn processor_time(&self) -> Duration {
        self.store.processor_time() + self.worker.processor_time()
    }

    /// The stack's folder.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// A project under a fresh name.
    pub fn project(&self, name: &str) -> Project<'_> {
        let fresh = self.projects.borrow_mut().insert(name.to_owned());
        assert!(fresh, "two scenarios use the project {name}");
        self.known(name)
    }

    /// A project that an earlier scenario has used.
    pub fn known(&self, name: &str) -> Project<'_> {
        Project::new(self.api(), self.client(), name)
    }

    /// A runner on this stack's bucket, which does not poll yet.
    pub fn start_runner(&self, name: &str, settings: &[(&str, &str)]) -> Runner {
        Runner::start(self.folder(), name, &self.store.settings, settings)
    }

    /// The same, by way of whatever listens on `port`.
    pub fn start_runner_through(&self, port: u16, name: &str, settings: &[(&str, &str)]) -> Runner {
        Runner::start(self.folder(), name, &self.store.settings_through(port), settings)
    }

    /// A Worker of its own, on port `own`, that reaches the bucket by way of whatever listens on port `way`. Started
    /// again under the same name, it has the state that the first one left.
    pub fn start_worker_through(&self, way: u16, name: &str, own: u16) -> Worker {
        Worker::start(self.folder(), name, own, &with_access(self.kind, self.store.settings_through(way)))
    }

    /// The Worker's API.
    pub fn api(&self) -> Api<'_> {
        self.worker.api(&self.transport)
    }
}

/// The settings of a Worker that lets everybody in.
fn with_access(kind: Kind, mut settings: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut own = vec![("AUTH_MODE", "open"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    if has_hints(kind) {
        own.push(("RUNNER_TOKEN", RUNNER_TOKEN));
    }
    settings.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    settings
}

/// Hints are cut off on one of the two.
fn has_hints(kind: Kind) -> bool {
    kind == Kind::WranglerR2
}

/// A folder that goes when it is dropped, but for when the test fails: then its logs are shown and it stays.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Self {
        let path = std::env::temp_dir().join(format!("partwright-stack-{}", RunId::random()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_logs(&self.0);
        } else {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Prints the end of each program's log.
fn show_logs(folder: &Path) {
    const LINES: usize = 60;
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        let Some(text) = fs::read(&path).ok().filter(|_| is_log) else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        // wrangler writes a line for each request; those that went well say little.
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" 200 OK (")).collect();
        println!("--- the end of {}:", path.display());
        lines[lines.len().saturating_sub(LINES)..].iter().for_each(|line| println!("    {line}"));
    }
    println!("--- all of it stays in {}", folder.display());
}
