//! Store, Worker and runner together, in their own folder.

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

/// A whole stack. The order of the fields matters: users are dropped before the parts that they use.
pub struct Stack {
    pub kind: Kind,
    pub transport: Transport,
    pub clock: SystemClock,
    /// The projects of all scenarios so far.
    pub projects: RefCell<BTreeSet<String>>,
    /// The issuers' tokens that scenarios have sent, valid or not.
    pub sent_jwts: RefCell<BTreeSet<String>>,
    /// The runners that process the queue, once they are started.
    pub runners: RefCell<Vec<Runner>>,
    worker: Worker,
    store: Store,
    bucket: Bucket,
    folder: Folder,
}

impl Stack {
    /// Starts store and Worker and waits until both respond. Starts no runner.
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

    /// The bucket, with its credentials.
    pub fn client(&self) -> Client<'_> {
        Client::new(&self.transport, &self.clock, &self.bucket)
    }

    /// Whether runners may send hints. Everything works without them too.
    pub fn has_hints(&self) -> bool {
        has_hints(self.kind)
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The settings of the Worker.
    pub fn settings(&self) -> Vec<(String, String)> {
        with_access(self.kind, self.store.settings.clone())
    }

    /// The processor time of store and Worker so far.
    pub fn processor_time(&self) -> Duration {
        self.store.processor_time() + self.worker.processor_time()
    }

    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// A project with a new name.
    pub fn project(&self, name: &str) -> Project<'_> {
        let fresh = self.projects.borrow_mut().insert(name.to_owned());
        assert!(fresh, "the project {name} is used by two scenarios");
        self.known(name)
    }

    /// A project that an earlier scenario has used.
    pub fn known(&self, name: &str) -> Project<'_> {
        Project::new(self.api(), self.client(), name)
    }

    /// Starts a runner on this stack's bucket without waiting for it.
    pub fn start_runner(&self, name: &str, settings: &[(&str, &str)]) -> Runner {
        Runner::start(self.folder(), name, &self.store.settings, settings)
    }

    /// Starts a runner that reaches the bucket through `port`.
    pub fn start_runner_through(&self, port: u16, name: &str, settings: &[(&str, &str)]) -> Runner {
        Runner::start(self.folder(), name, &self.store.settings_through(port), settings)
    }

    /// Starts another Worker on port `own` that reaches the bucket through port `way`. Under the name of an earlier
    /// Worker, it has that Worker's state.
    pub fn start_worker_through(&self, way: u16, name: &str, own: u16) -> Worker {
        Worker::start(self.folder(), name, own, &with_access(self.kind, self.store.settings_through(way)))
    }

    pub fn api(&self) -> Api<'_> {
        self.worker.api(&self.transport)
    }
}

/// Adds the settings of open mode, and the tokens.
fn with_access(kind: Kind, mut settings: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut own = vec![("AUTH_MODE", "open"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    if has_hints(kind) {
        own.push(("RUNNER_TOKEN", RUNNER_TOKEN));
    }
    settings.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    settings
}

/// Hints are disabled on one of the two stores.
fn has_hints(kind: Kind) -> bool {
    kind == Kind::WranglerR2
}

/// A temporary folder. If the test fails, its logs are printed and it is kept.
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

fn show_logs(folder: &Path) {
    const LINES: usize = 60;
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        let Some(text) = fs::read(&path).ok().filter(|_| is_log) else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        // wrangler writes a line for each request; successful ones say little.
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" 200 OK (")).collect();
        println!("--- the end of {}:", path.display());
        lines[lines.len().saturating_sub(LINES)..].iter().for_each(|line| println!("    {line}"));
    }
    println!("--- the folder is kept: {}", folder.display());
}
