//! The predecessor's recipe, for comparison: the next number is the count in a listing plus one, a worker polls every
//! 15 s and runs each new script in a fresh `freecadcmd`, one at a time.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use s3::{Client, PutOptions};
use tokio::process::Command;

/// How long its worker waits between two polls.
pub const POLL: Duration = Duration::from_secs(15);

/// Its scripts export their own files. The engine's baseline uses the same lines.
const EXPORTS: &str = include_str!("exports.py");

const FILES: [&str; 4] = ["FCStd", "STEP", "STL", "OBJ"];

/// Its prefix in the bucket. No other software uses it.
const AREA: &str = "baseline";

pub struct Baseline<'a> {
    client: Client<'a>,
    folder: PathBuf,
}

impl<'a> Baseline<'a> {
    /// `folder` receives its files.
    pub fn new(client: Client<'a>, folder: &Path) -> Self {
        Self { client, folder: folder.join("baseline") }
    }

    /// Uploads a script and returns its number.
    pub async fn upload(&self, script: &str) -> usize {
        let next = self.scripts().await.len() + 1;
        self.put(&format!("input/p_v{next}.py"), format!("{script}{EXPORTS}")).await;
        next
    }

    /// Polls and runs scripts for ever. Calls `committed` with the number of each committed version.
    pub async fn work(&self, committed: impl Fn(usize)) {
        let mut polls = tokio::time::interval(POLL);
        loop {
            polls.tick().await;
            let done = self.keys("processed/").await;
            for name in self.scripts().await {
                let number: usize = name["p_v".len()..name.len() - ".py".len()].parse().unwrap();
                if !done.contains(&format!("{name}.done")) {
                    self.run(&name, number).await;
                    committed(number);
                }
            }
        }
    }

    async fn run(&self, name: &str, number: usize) {
        let script = self.client.get(&format!("{AREA}/input/{name}"), 1 << 20).await.unwrap().bytes;
        let out = self.folder.join(number.to_string());
        std::fs::create_dir_all(&out).unwrap();
        let path = out.join("script.py");
        std::fs::write(&path, script).unwrap();
        let mut freecad = Command::new("freecadcmd");
        freecad.arg(&path).env("FREECAD_OUTPUT", &out).env("FREECAD_USER_HOME", &out).env("HOME", &out);
        freecad.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        freecad.status().await.unwrap();
        for format in FILES {
            let file = format!("MyHeadlessModel.{format}");
            let bytes = std::fs::read(out.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            self.put(&format!("output/{file}"), bytes).await;
        }
        self.put(&format!("processed/{name}.done"), "").await;
    }

    async fn scripts(&self) -> Vec<String> {
        self.keys("input/").await
    }

    async fn keys(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{AREA}/{folder}");
        let (entries, _) = self.client.list(&prefix, 100).await.unwrap();
        entries.into_iter().map(|entry| entry.key[prefix.len()..].to_owned()).collect()
    }

    async fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        self.client.put(&format!("{AREA}/{key}"), bytes.into(), &PutOptions::default()).await.unwrap();
    }
}
