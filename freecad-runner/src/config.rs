//! The runner's settings. The bucket's (`AWS_*`, `S3_*`) are the library's.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::header::HeaderValue;
use http::uri::Scheme;
use platform::ConfigError;
use s3::Bucket;
use sandbox::{EngineConfig, JailMode, Limits};

/// Everything that the runner is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bucket; see [`Bucket::from_settings`].
    pub bucket: Bucket,
    /// `RUNNER_NAME`: how this runner calls itself in attempts and reports. Default: the host's name.
    pub name: String,
    /// `RUNNER_POLL`: seconds between two looks at the queue, from 0.1. Default: 1.
    pub poll: Duration,
    /// `RUNNER_LEASE`: seconds without a heartbeat after which an attempt counts as dead, from 15. Default: 30.
    pub lease: Duration,
    /// `RUNNER_DRAIN`: seconds that running jobs get to finish after SIGTERM, before they are given back. Default: 8,
    /// which fits in the 10 that container engines wait.
    pub drain: Duration,
    /// `PARTWRIGHT_URL` and `RUNNER_TOKEN`: the Worker that gets and gives hints. Default: none; polling alone.
    pub worker: Option<WorkerLink>,
    /// How scripts are run.
    pub engine: EngineConfig,
}

/// The Worker, and what opens it to a runner.
#[derive(Clone)]
pub struct WorkerLink {
    base: String,
    /// Ready to be sent, and marked as secret.
    bearer: HeaderValue,
}

impl WorkerLink {
    /// Both settings or neither.
    fn from_settings(lookup: Lookup<'_>) -> Result<Option<Self>, ConfigError> {
        let (url, token) = match (optional(lookup, "PARTWRIGHT_URL"), optional(lookup, "RUNNER_TOKEN")) {
            (None, None) => return Ok(None),
            (Some(url), Some(token)) => (url, token),
            (Some(_), None) => {
                let problem = "missing; PARTWRIGHT_URL is set, and the Worker listens to runners with its token only";
                return Err(ConfigError::new("RUNNER_TOKEN", problem.to_owned()));
            }
            (None, Some(_)) => {
                let problem = "missing; RUNNER_TOKEN is set, and it is for the Worker at this address";
                return Err(ConfigError::new("PARTWRIGHT_URL", problem.to_owned()));
            }
        };
        // What is wrong is not shown: people put passwords into addresses.
        let wrong = || {
            let problem = "not an address of the form http(s)://host[:port][/path]";
            ConfigError::new("PARTWRIGHT_URL", problem.to_owned())
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let is_http = uri.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let host =
            uri.authority().filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty());
        if !is_http || host.is_none() || uri.query().is_some() || url.contains('#') {
            return Err(wrong());
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .ok()
            .filter(|_| token.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| ConfigError::new("RUNNER_TOKEN", "holds something else than visible ASCII".to_owned()))?;
        bearer.set_sensitive(true);
        Ok(Some(Self { base: url.trim_end_matches('/').to_owned(), bearer }))
    }

    /// Where `path`, which begins with a slash, is at the Worker.
    ///
    /// # Errors
    /// When the two are no address together.
    pub fn at(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        format!("{}{path}", self.base).parse()
    }

    /// The value of `Authorization`.
    pub fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }

    /// Whether the token would cross a network for everybody to read.
    pub fn is_in_the_clear(&self) -> bool {
        let uri: Uri = self.base.parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        uri.scheme() == Some(&Scheme::HTTP) && !is_loopback
    }
}

impl fmt::Debug for WorkerLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerLink").field("base", &self.base).field("token", &"…").finish()
    }
}

/// What `RUNNER_FIRST_UID` may be: above what systems keep for themselves, and with room above it.
const FIRST_UIDS: RangeInclusive<u32> = 1_000..=4_294_000_000;

/// The most slots.
const MAX_SLOTS: u32 = 256;

impl Config {
    /// Reads the settings, which `lookup` gives by name; an empty value counts as absent.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn from_settings(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            bucket: Bucket::from_settings(lookup)?,
            name: optional(lookup, "RUNNER_NAME").unwrap_or_else(host_name),
            poll: seconds(lookup, "RUNNER_POLL", 1.0, 0.1, 3_600.0)?,
            lease: seconds(lookup, "RUNNER_LEASE", 30.0, 15.0, 3_600.0)?,
            drain: seconds(lookup, "RUNNER_DRAIN", 8.0, 0.0, 3_600.0)?,
            worker: WorkerLink::from_settings(lookup)?,
            engine: engine_config(lookup)?,
        })
    }
}

/// Reads the settings, which `lookup` gives by name; an empty value counts as absent.
///
/// # Errors
/// Names the setting that is wrong.
pub fn engine_config(lookup: Lookup<'_>) -> Result<EngineConfig, ConfigError> {
    let jail = match optional(lookup, "RUNNER_JAIL").as_deref() {
        None | Some("full") => JailMode::Full,
        Some("same-uid") => JailMode::SameUid,
        Some(other) => {
            return Err(ConfigError::new("RUNNER_JAIL", format!("{other:?} is neither full nor same-uid")));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let slots = count(lookup, "RUNNER_SLOTS", cores, MAX_SLOTS)? as usize;
    let first_uid = match optional(lookup, "RUNNER_FIRST_UID") {
        None => None,
        Some(text) => Some(text.parse().ok().filter(|id| FIRST_UIDS.contains(id)).ok_or_else(|| {
            let (least, most) = (FIRST_UIDS.start(), FIRST_UIDS.end());
            ConfigError::new("RUNNER_FIRST_UID", format!("{text:?} is not a user id from {least} to {most}"))
        })?),
    };
    let scratch =
        optional(lookup, "RUNNER_SCRATCH").map_or_else(|| std::env::temp_dir().join("freecad-runner"), PathBuf::from);
    if !scratch.is_absolute() {
        return Err(ConfigError::new("RUNNER_SCRATCH", format!("{} is not an absolute path", scratch.display())));
    }
    Ok(EngineConfig {
        slots,
        limits: Limits {
            seconds: seconds(lookup, "RUNNER_JOB_SECONDS", 120.0, 1.0, 86_400.0)?,
            memory: bytes(lookup, "RUNNER_JOB_MEMORY", 2 << 30, 512 << 20)?,
            output: bytes(lookup, "RUNNER_JOB_OUTPUT", 256 << 20, 1 << 20)?,
        },
        jobs_a_server: count(lookup, "RUNNER_SERVER_JOBS", 1_000, 1_000_000)?,
        jail,
        first_uid,
        scratch,
        freecad: optional(lookup, "RUNNER_FREECAD").unwrap_or_else(|| "freecadcmd".to_owned()),
    })
}

/// Gives a setting by its name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn optional(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A number from 1 to `most`.
fn count(lookup: Lookup<'_>, name: &'static str, default: u32, most: u32) -> Result<u32, ConfigError> {
    let Some(text) = optional(lookup, name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| ConfigError::new(name, format!("{text:?} is not a number from 1 to {most}")))
}

fn seconds(
    lookup: Lookup<'_>,
    name: &'static str,
    default: f64,
    least: f64,
    most: f64,
) -> Result<Duration, ConfigError> {
    let Some(text) = optional(lookup, name) else { return Ok(Duration::from_secs_f64(default)) };
    let number = text.parse().ok().filter(|number: &f64| (least..=most).contains(number));
    let wrong = || ConfigError::new(name, format!("{text:?} is not a number of seconds from {least} to {most}"));
    number.map(Duration::from_secs_f64).ok_or_else(wrong)
}

fn bytes(lookup: Lookup<'_>, name: &'static str, default: u64, least: u64) -> Result<u64, ConfigError> {
    let Some(text) = optional(lookup, name) else { return Ok(default) };
    let wrong = || {
        let least = least >> 20;
        ConfigError::new(name, format!("{text:?} is not a size of at least {least} MiB, such as 512MiB or 2GiB"))
    };
    parse_bytes(&text).filter(|bytes| *bytes >= least).ok_or_else(wrong)
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "freecad-runner".to_owned() } else { name.to_owned() }
}

/// `1048576`, `512MiB`, `2 GiB`.
fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let shift = match unit.trim() {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let base = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_BUCKET_NAME", "models")];
        Config::from_settings(&|name| {
            let found = settings.iter().chain(&base).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = read(&[]).unwrap();
        assert_eq!(config.poll, Duration::from_secs(1));
        assert_eq!(config.lease, Duration::from_secs(30));
        assert_eq!(config.engine.jail, JailMode::Full);
        assert_eq!(config.engine.first_uid, None);
        assert_eq!(read(&[("RUNNER_FIRST_UID", "200000")]).unwrap().engine.first_uid, Some(200_000));
        let limits = Limits { seconds: Duration::from_secs(120), memory: 2 << 30, output: 256 << 20 };
        assert_eq!(config.engine.limits, limits);
        assert_eq!(config.engine.jobs_a_server, 1_000);
    }

    #[test]
    fn sizes_take_units() {
        assert_eq!(read(&[("RUNNER_JOB_MEMORY", "3 GiB")]).unwrap().engine.limits.memory, 3 << 30);
        assert_eq!(read(&[("RUNNER_JOB_OUTPUT", "1048576")]).unwrap().engine.limits.output, 1 << 20);
    }

    #[test]
    fn a_worker_takes_both_settings() {
        assert!(read(&[]).unwrap().worker.is_none());
        let both = |url| read(&[("PARTWRIGHT_URL", url), ("RUNNER_TOKEN", "opens-the-door")]);
        for (url, address) in [
            ("https://parts.example.com", "https://parts.example.com/api/x"),
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787/api/x"),
            ("https://example.com/parts/", "https://example.com/parts/api/x"),
        ] {
            let config = both(url).unwrap();
            let worker = config.worker.as_ref().unwrap();
            assert_eq!(worker.at("/api/x").unwrap(), address);
            assert_eq!(worker.bearer(), "Bearer opens-the-door");
            assert!(!format!("{config:?} {:?}", worker.bearer()).contains("opens-the-door"));
            assert!(!worker.is_in_the_clear());
        }
        assert!(both("http://parts.example.com").unwrap().worker.unwrap().is_in_the_clear());
        for (settings, named) in [
            (&[("PARTWRIGHT_URL", "https://a.b")][..], "RUNNER_TOKEN"),
            (&[("RUNNER_TOKEN", "opens-the-door")], "PARTWRIGHT_URL"),
            (&[("PARTWRIGHT_URL", "https://a.b"), ("RUNNER_TOKEN", "two words")], "RUNNER_TOKEN"),
        ] {
            let error = read(settings).unwrap_err();
            assert_eq!(error.setting(), named);
            assert!(!error.to_string().contains("words"));
        }
        for url in ["ws://a.b", "a.b", "/x", "https://", "https://u:hush@a.b", "https://a.b?q=1", "https://a.b#c"] {
            let error = both(url).unwrap_err();
            assert_eq!(error.setting(), "PARTWRIGHT_URL", "{url}");
            assert!(!error.to_string().contains("hush"));
        }
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (name, value) in [
            ("RUNNER_SLOTS", "0"),
            ("RUNNER_SLOTS", "many"),
            ("RUNNER_SERVER_JOBS", "0"),
            ("RUNNER_POLL", "0"),
            ("RUNNER_POLL", "NaN"),
            ("RUNNER_LEASE", "5"),
            ("RUNNER_JOB_SECONDS", "-1"),
            ("RUNNER_JOB_MEMORY", "2GB"),
            ("RUNNER_JOB_MEMORY", "1MiB"),
            ("RUNNER_JOB_OUTPUT", "99999999999999999999"),
            ("RUNNER_JAIL", "none"),
            ("RUNNER_FIRST_UID", "0"),
            ("RUNNER_FIRST_UID", "4294967295"),
            ("RUNNER_FIRST_UID", "nobody"),
            ("RUNNER_SCRATCH", "tmp"),
            ("AWS_BUCKET_NAME", ""),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().setting(), name, "{value:?}");
        }
    }
}
