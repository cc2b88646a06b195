//! The actions of a user on one project, over the API.

use contract::{Key, Phase, ProjectId, REPORT_LIMIT, Report, Version};
use s3::Client;
use serde_json::{Value, json};

use crate::http::{Api, ApiResponse, open, try_send};
use crate::wait::until;

pub struct Project<'a> {
    pub id: ProjectId,
    api: Api<'a>,
    bucket: Client<'a>,
}

impl<'a> Project<'a> {
    /// The project `name` at one Worker, which keeps it in `bucket`.
    pub fn new(api: Api<'a>, bucket: Client<'a>, name: &str) -> Self {
        Self { id: name.parse().unwrap(), api, bucket }
    }

    /// The path of one of its endpoints.
    pub fn path(&self, call: &str) -> String {
        format!("/api/projects/{}/{call}", self.id)
    }

    /// GETs one of its endpoints and expects 200 and JSON.
    pub async fn get(&self, call: &str) -> Value {
        self.api.get(&self.path(call)).await.expect(200).json()
    }

    pub async fn send_script(&self, script: &str) -> ApiResponse {
        self.api.post(&self.path("upload-script"), "text/x-python", script.to_owned()).await
    }

    /// Sends a script to a Worker that may die before it responds.
    pub async fn try_send_script(&self, script: &str) -> Result<ApiResponse, String> {
        let request = http::Request::post(self.api.url(&self.path("upload-script")));
        let request = request.header("content-type", "text/x-python").body(script.to_owned().into());
        try_send(self.api.transport, request.unwrap()).await
    }

    /// Uploads a script, expects 201, and returns the version.
    pub async fn upload(&self, script: &str) -> u64 {
        self.send_script(script).await.expect(201).json()["version"].as_u64().unwrap()
    }

    /// Uploads a script as JSON.
    pub async fn upload_json(&self, script: &str) -> ApiResponse {
        let body = json!({"code": script}).to_string();
        self.api.post(&self.path("upload-script"), "application/json", body).await.expect(201)
    }

    /// The `status_info` of its newest version.
    pub async fn status(&self) -> Value {
        self.get("status").await["status_info"].clone()
    }

    /// Waits until the version is final and returns its outputs.
    pub async fn finished(&self, version: u64) -> Value {
        let call = format!("outputs?version={version}");
        until(&format!("the end of {} version {version}", self.id), async || {
            let outputs = self.get(&call).await;
            let phase: Phase = outputs["phase"].as_str().unwrap().parse().unwrap();
            if phase.is_final() { Ok(outputs) } else { Err(phase.to_string()) }
        })
        .await
    }

    /// Waits until the version is final and expects it to be `completed`.
    pub async fn completed(&self, version: u64) -> Value {
        let outputs = self.finished(version).await;
        assert_eq!(outputs["phase"], "completed", "{} version {version}: {outputs}", self.id);
        outputs
    }

    /// The version's report in the bucket.
    pub async fn report(&self, version: u64) -> Report {
        let key = Key::Done(self.id.clone(), number(version)).to_string();
        let object = self.bucket.get(&key, REPORT_LIMIT).await.unwrap();
        serde_json::from_slice(&object.bytes).unwrap()
    }

    /// The response to a request for a link. `query` begins with a question mark or is empty.
    pub async fn link(&self, format: &str, query: &str) -> Value {
        self.get(&format!("download/{format}{query}")).await
    }

    /// Downloads one format of a version through its link, without credentials.
    pub async fn download(&self, format: &str, version: u64) -> ApiResponse {
        let link = self.link(format, &format!("?version={version}")).await;
        open(self.api.transport, link["download_url"].as_str().unwrap()).await.expect(200)
    }

    /// A version's script from the API.
    pub async fn script(&self, version: u64) -> String {
        let url = self.api.url(&self.path(&format!("script/{version}")));
        let request = http::Request::get(url).header("accept", "text/x-python").body(Default::default());
        self.api.send(request.unwrap()).await.expect(200).text()
    }

    /// The text of a version's log. Finds the log in the list, as a user does.
    pub async fn log(&self, version: u64) -> String {
        let listed = self.get("logs").await;
        let logs: Vec<&Value> =
            listed["logs"].as_array().unwrap().iter().filter(|log| log["version"] == version).collect();
        assert_eq!(logs.len(), 1, "{} version {version} must have one log: {listed}", self.id);
        let name = logs[0]["filename"].as_str().unwrap();
        self.get(&format!("logs/{name}")).await["content"].as_str().unwrap().to_owned()
    }

    /// The keys under a prefix, sorted.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let (entries, complete) = self.bucket.list(prefix, 10).await.unwrap();
        assert!(complete);
        let mut keys: Vec<String> = entries.into_iter().map(|entry| entry.key).collect();
        keys.sort();
        keys
    }
}

pub fn number(version: u64) -> Version {
    version.try_into().unwrap()
}
