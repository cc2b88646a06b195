//! The Worker in real workerd, under `wrangler dev`, from the release build in `build/`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::Method;
use nix::sys::signal::Signal;

use crate::http::{Api, ApiResponse, request, try_send};
use crate::process::{Process, command};
use crate::tools::{root, tool};
use crate::transport::Transport;
use crate::wait::until;

pub const ADMIN_TOKEN: &str = "stack-test-admin-token";

/// The runners' token, in stacks with hints.
pub const RUNNER_TOKEN: &str = "stack-test-runner-token";

/// A started Worker.
pub struct Worker {
    base: String,
    process: Process,
}

impl Worker {
    /// Starts a Worker on `port` with only these settings, without waiting for it; see [`Worker::ready`].
    pub fn start(folder: &Path, name: &str, port: u16, settings: &[(String, String)]) -> Self {
        let site = folder.join(name);
        lay_out(&site);
        let lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        fs::write(site.join("settings"), lines.concat()).unwrap();
        let process = wrangler(folder, name, port, &["--persist-to", "state", "--env-file", "settings"]);
        Self { base: format!("http://127.0.0.1:{port}"), process }
    }

    pub fn api<'a>(&'a self, transport: &'a Transport) -> Api<'a> {
        Api::new(transport, &self.base)
    }

    /// The processor time of wrangler and workerd so far.
    pub fn processor_time(&self) -> Duration {
        self.process.processor_time()
    }

    /// Sends SIGKILL to wrangler and workerd. Their stored state stays.
    pub fn kill(self) {
        self.process.kill_all();
    }

    /// Waits until the health page responds with `status`.
    pub async fn ready(&mut self, transport: &Transport, status: u16) -> ApiResponse {
        let Self { base, process } = self;
        let url = format!("{base}/api/monitoring/health");
        until("the Worker's health", async || {
            process.must_live();
            let answer = try_send(transport, request(Method::GET, &url)).await?;
            if answer.status == status { Ok(answer) } else { Err(answer.to_string()) }
        })
        .await
    }
}

/// Starts `wrangler dev` on `port` in the folder `name`, which contains a Worker. `more` adds to the arguments that
/// isolate it.
pub fn wrangler(folder: &Path, name: &str, port: u16, more: &[&str]) -> Process {
    let site = folder.join(name);
    let mut wrangler = command(&tool("PARTWRIGHT_WRANGLER"), Signal::SIGTERM);
    // tools/env.sh sets variables that make wrangler work offline and keep no trace of requests.
    let is_wrangler_setting =
        |name: &str| ["WRANGLER_", "CLOUDFLARE_", "X_LOCAL_"].iter().any(|start| name.starts_with(start));
    wrangler.envs(std::env::vars().filter(|(name, _)| is_wrangler_setting(name)));
    wrangler.env("WRANGLER_LOG_PATH", site.join("logs")).env("WRANGLER_REGISTRY_PATH", site.join("registry"));
    wrangler.env("TMPDIR", site.join("tmp")).env("HOME", site.join("tmp"));
    wrangler.current_dir(&site).args(["dev", "--ip", "127.0.0.1", "--port", &port.to_string()]);
    wrangler.args(["--inspector-port", "0", "--show-interactive-dev-session=false"]).args(more);
    Process::start(folder, name, Duration::from_secs(10), wrangler)
}

/// Copies wrangler.toml and the built Worker. Edits and builds in the work tree then cannot reload the Worker under
/// test, and a developer's own settings (`.dev.vars`) do not apply.
fn lay_out(site: &Path) {
    let built = root().join("build");
    let complete = ["index.js", "index_bg.wasm", "worker/shim.mjs"].iter().all(|file| built.join(file).is_file());
    assert!(complete, "the Worker is not built: run `make worker` first (`make test` does)");
    for folder in ["build/worker", "assets", "tmp", "tools"] {
        fs::create_dir_all(site.join(folder)).unwrap();
    }
    copy_all(&root().join("assets"), &site.join("assets"));
    for file in ["wrangler.toml", "build/index.js", "build/index_bg.wasm", "build/worker/shim.mjs"] {
        fs::copy(root().join(file), site.join(file)).unwrap();
    }
    // Replaces the build command of wrangler.toml, because there is nothing to build.
    fs::write(site.join("tools/build-worker.sh"), "exit 0\n").unwrap();
}

/// Copies a folder recursively.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_all(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}
