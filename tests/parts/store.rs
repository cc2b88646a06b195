//! The two real stores and their settings.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use s3::Bucket;

use crate::process::{Process, command};
use crate::tools::{free_port_pairs, tool};

/// The bucket's name; the binding in wrangler.toml has the same name.
pub const BUCKET: &str = "partwright";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// wrangler dev's local R2, served over S3 by the Worker's own dev server.
    WranglerR2,
    /// SeaweedFS, a separate server.
    SeaweedFs,
}

/// A running store.
pub struct Store {
    /// The settings by which Worker and runner find the bucket.
    pub settings: Vec<(String, String)>,
    /// Its server; `None` if the Worker's server is the store.
    server: Option<Process>,
}

impl Store {
    /// Starts the store. `worker_port` is the Worker's port.
    pub fn start(kind: Kind, folder: &Path, worker_port: u16) -> Self {
        match kind {
            Kind::WranglerR2 => {
                let endpoint = format!("http://127.0.0.1:{worker_port}/cdn-cgi/local/r2/s3");
                // The credentials are in wrangler.toml.
                let keys = ("partwright-local", "partwright-local-secret");
                Self { settings: settings(&endpoint, "auto", keys), server: None }
            }
            Kind::SeaweedFs => {
                let keys = ("stack-test-key", "stack-test-secret-0f8c2a61");
                let (port, server) = seaweedfs(folder, keys);
                let endpoint = format!("http://127.0.0.1:{port}");
                Self { settings: settings(&endpoint, "us-east-1", keys), server: Some(server) }
            }
        }
    }

    /// The processor time of its own server so far.
    pub fn processor_time(&self) -> Duration {
        self.server.as_ref().map_or(Duration::ZERO, Process::processor_time)
    }

    pub fn bucket(&self) -> Bucket {
        let find = |name: &str| self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Bucket::from_settings(&find).unwrap()
    }

    /// The address of its server.
    pub fn address(&self) -> SocketAddr {
        let endpoint = self.bucket().endpoint.to_string();
        endpoint.split('/').nth(2).unwrap().parse().unwrap()
    }

    /// The settings by which a program reaches the bucket through another port. Links lead to the server itself.
    pub fn settings_through(&self, port: u16) -> Vec<(String, String)> {
        let mut settings = self.settings.clone();
        let endpoint = settings.iter_mut().find(|(name, _)| name == "AWS_ENDPOINT_URL_S3").map(|(_, value)| value);
        let endpoint = endpoint.expect("the settings have an endpoint");
        let direct = endpoint.clone();
        *endpoint = direct.replace(&self.address().to_string(), &format!("127.0.0.1:{port}"));
        settings.push(("S3_PUBLIC_ENDPOINT".to_owned(), direct));
        settings
    }

    /// The secret key, which no log may contain.
    pub fn secret(&self) -> &str {
        let secret = self.settings.iter().find(|(key, _)| key == "AWS_SECRET_ACCESS_KEY");
        &secret.unwrap().1
    }
}

fn settings(endpoint: &str, region: &str, (id, secret): (&str, &str)) -> Vec<(String, String)> {
    let pairs = [
        ("AWS_ENDPOINT_URL_S3", endpoint),
        ("AWS_BUCKET_NAME", BUCKET),
        ("AWS_REGION", region),
        ("S3_ADDRESSING", "path"),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// `weed mini`: master, volume, filer, S3 and admin in one process. Each has an HTTP port, and a gRPC port 10,000
/// above.
fn seaweedfs(folder: &Path, (id, secret): (&str, &str)) -> (u16, Process) {
    let data = folder.join("seaweedfs");
    std::fs::create_dir(&data).unwrap();
    let servers = ["s3", "master", "volume", "filer", "admin"];
    let ports = free_port_pairs::<5>();
    let mut weed = command(&tool("PARTWRIGHT_WEED"), Signal::SIGKILL);
    weed.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret).current_dir(&data);
    weed.arg("mini").arg(format!("-dir={}", data.display())).args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    weed.arg(format!("-bucket={BUCKET}"));
    weed.args(servers.iter().zip(ports).map(|(server, port)| format!("-{server}.port={port}")));
    weed.args(["-webdav=false", "-admin.ui=false", "-master.telemetry=false", "-s3.autoCreateBucket=false"]);
    weed.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
    // Its data is deleted with the folder, so it needs no time to shut down.
    (ports[0], Process::start(folder, "seaweedfs", Duration::ZERO, weed))
}
