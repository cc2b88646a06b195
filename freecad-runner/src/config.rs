//! The runner's settings. `s3` reads those of the bucket (`AWS_*`, `S3_*`).

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::header::HeaderValue;
use platform::{BaseUrl, ConfigError, Lookup, Settings};
use s3::Bucket;
use sandbox::{EngineConfig, JailMode, Limits};

/// All settings of a polling runner.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bucket; see [`Bucket::from_settings`].
    pub bucket: Bucket,
    /// `RUNNER_NAME`: this runner's name in attempts and reports. Default: the host's name.
    pub name: String,
    /// `RUNNER_POLL`: seconds between two polls of the queue, from 0.1 to 3,600. Default: 1.
    pub poll: Duration,
    /// `RUNNER_LEASE`: seconds without a heartbeat after which an attempt counts as dead, from 15 to 3,600. Default: 30.
    pub lease: Duration,
    /// `RUNNER_DRAIN`: seconds that running jobs get to finish after SIGTERM before they are released, from 0 to 3,600.
    /// Default: 8, which fits in the 10 s that container engines wait.
    pub drain: Duration,
    /// `PARTWRIGHT_URL` and `RUNNER_TOKEN`: the Worker to exchange hints with. Default: none; the runner only polls.
    pub worker: Option<WorkerLink>,
    /// How scripts are run.
    pub engine: EngineConfig,
}

/// The Worker's address, and the token that authenticates a runner.
#[derive(Clone)]
pub struct WorkerLink {
    base: BaseUrl,
    /// Ready to be sent, and marked as sensitive.
    bearer: HeaderValue,
}

impl WorkerLink {
    /// Takes both settings or neither.
    fn from_settings(settings: Settings<'_>) -> Result<Option<Self>, ConfigError> {
        let (url, token) = match (settings.optional("PARTWRIGHT_URL"), settings.optional("RUNNER_TOKEN")) {
            (None, None) => return Ok(None),
            (Some(url), Some(token)) => (url, token),
            (Some(_), None) => {
                let problem = "it is not set, but PARTWRIGHT_URL is; the Worker accepts only runners with its token";
                return Err(ConfigError::new("RUNNER_TOKEN", problem));
            }
            (None, Some(_)) => {
                let problem = "it is not set, but RUNNER_TOKEN is; set it to the Worker's address";
                return Err(ConfigError::new("PARTWRIGHT_URL", problem));
            }
        };
        let base = BaseUrl::parse("PARTWRIGHT_URL", &url)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .ok()
            .filter(|_| token.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| ConfigError::new("RUNNER_TOKEN", "it may hold visible ASCII characters only"))?;
        bearer.set_sensitive(true);
        Ok(Some(Self { base, bearer }))
    }

    /// The URL of `path`, which begins with a slash.
    ///
    /// # Errors
    /// When base and path do not make a URL.
    pub fn at(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        format!("{}{path}", self.base).parse()
    }

    /// The value of `Authorization`.
    pub fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }

    /// Whether the token is encrypted on its way, or does not leave this machine.
    pub fn is_private(&self) -> bool {
        self.base.is_private()
    }
}

impl fmt::Debug for WorkerLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerLink").field("base", &self.base).field("token", &"…").finish()
    }
}

/// The range of `RUNNER_FIRST_UID`: above the ids that systems reserve, with room for all slots.
const FIRST_UIDS: RangeInclusive<u32> = 1_000..=4_294_000_000;

const MAX_SLOTS: u32 = 256;

impl Config {
    /// Reads the settings, which `lookup` gives by name. An empty value counts as not set.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn from_settings(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let settings = Settings::new(lookup);
        Ok(Self {
            bucket: Bucket::from_settings(lookup)?,
            name: settings.optional("RUNNER_NAME").unwrap_or_else(host_name),
            poll: seconds(settings, "RUNNER_POLL", 1.0, 0.1..=3_600.0)?,
            lease: seconds(settings, "RUNNER_LEASE", 30.0, 15.0..=3_600.0)?,
            drain: seconds(settings, "RUNNER_DRAIN", 8.0, 0.0..=3_600.0)?,
            worker: WorkerLink::from_settings(settings)?,
            engine: engine_config(lookup)?,
        })
    }
}

/// Reads the engine's settings, which `lookup` gives by name. An empty value counts as not set.
///
/// # Errors
/// Names the setting that is wrong.
pub fn engine_config(lookup: Lookup<'_>) -> Result<EngineConfig, ConfigError> {
    let settings = Settings::new(lookup);
    let jail = settings.parsed_with("RUNNER_JAIL", "it is neither full nor same-uid", |text| match text {
        "full" => Some(JailMode::Full),
        "same-uid" => Some(JailMode::SameUid),
        _ => None,
    })?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let scratch = settings.parsed_with("RUNNER_SCRATCH", "it is not an absolute path", |text| {
        Some(PathBuf::from(text)).filter(|path| path.is_absolute())
    })?;
    Ok(EngineConfig {
        slots: count(settings, "RUNNER_SLOTS", 1..=MAX_SLOTS)?.unwrap_or(cores) as usize,
        limits: Limits {
            seconds: seconds(settings, "RUNNER_JOB_SECONDS", 120.0, 1.0..=86_400.0)?,
            memory: bytes(settings, "RUNNER_JOB_MEMORY", 2 << 30, 512 << 20)?,
            output: bytes(settings, "RUNNER_JOB_OUTPUT", 256 << 20, 1 << 20)?,
        },
        jobs_a_server: count(settings, "RUNNER_SERVER_JOBS", 1..=1_000_000)?.unwrap_or(1_000),
        jail: jail.unwrap_or(JailMode::Full),
        first_uid: count(settings, "RUNNER_FIRST_UID", FIRST_UIDS)?,
        scratch: scratch.unwrap_or_else(|| std::env::temp_dir().join("freecad-runner")),
        freecad: settings.optional("RUNNER_FREECAD").unwrap_or_else(|| "freecadcmd".to_owned()),
    })
}

fn count(settings: Settings<'_>, name: &'static str, range: RangeInclusive<u32>) -> Result<Option<u32>, ConfigError> {
    let problem = format!("it is not a whole number from {} to {}", range.start(), range.end());
    settings.parsed_with(name, &problem, |text| text.parse().ok().filter(|number| range.contains(number)))
}

fn seconds(
    settings: Settings<'_>,
    name: &'static str,
    default: f64,
    range: RangeInclusive<f64>,
) -> Result<Duration, ConfigError> {
    let problem = format!("it is not a number of seconds from {} to {}", range.start(), range.end());
    let number = settings.parsed_with(name, &problem, |text| text.parse().ok().filter(|n| range.contains(n)))?;
    Ok(Duration::from_secs_f64(number.unwrap_or(default)))
}

fn bytes(settings: Settings<'_>, name: &'static str, default: u64, min: u64) -> Result<u64, ConfigError> {
    let problem = format!("it is not a size of at least {} MiB, such as 512MiB or 2GiB", min >> 20);
    let size = settings.parsed_with(name, &problem, |text| parse_bytes(text).filter(|bytes| *bytes >= min))?;
    Ok(size.unwrap_or(default))
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
    fn defaults_match_the_documentation() {
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
    fn sizes_have_units() {
        assert_eq!(read(&[("RUNNER_JOB_MEMORY", "3 GiB")]).unwrap().engine.limits.memory, 3 << 30);
        assert_eq!(read(&[("RUNNER_JOB_OUTPUT", "1048576")]).unwrap().engine.limits.output, 1 << 20);
    }

    #[test]
    fn a_worker_needs_both_settings() {
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
            assert!(worker.is_private());
        }
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
    fn a_token_sent_in_plain_text_is_noticed() {
        for (url, is_private) in [
            ("https://parts.example.com", true),
            ("http://localhost:8787", true),
            ("http://[::1]:8787", true),
            ("http://127.9.9.9", true),
            ("http://127.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://parts.example.com", false),
        ] {
            let config = read(&[("PARTWRIGHT_URL", url), ("RUNNER_TOKEN", "opens-the-door")]).unwrap();
            assert_eq!(config.worker.unwrap().is_private(), is_private, "{url}");
        }
    }

    #[test]
    fn an_error_names_its_setting() {
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
