//! The keys of the bucket. No other module builds or parses them.
//!
//! ARCHITECTURE.md has the whole layout, which extends the layout of other software for this job.

use std::fmt;
use std::str::FromStr;

use super::{BASE_NAME, Format, ProjectId, RunId, Timestamp, Version};

/// One object of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// `input/{p}/{p}_v{n}.py`: the script, immutable.
    Script(ProjectId, Version),
    /// `pending/{p}/{p}_v{n}/ticket`: an empty object that asks for the version to be run.
    Ticket(ProjectId, Version),
    /// `pending/{p}/{p}_v{n}/a{k}.json`: attempt `k`, from 1.
    Attempt(ProjectId, Version, u32),
    /// `output/{p}/v{n}/{run}/MyHeadlessModel.{…}`: a file of one attempt.
    Output(ProjectId, Version, RunId, Format),
    /// `processed/{p}/{p}_v{n}.py.done`: the report. Its existence is the commit.
    Done(ProjectId, Version),
    /// `output/{p}/MyHeadlessModel.{…}`: a copy from the newest completed version.
    Flat(ProjectId, Format),
    /// `output/{p}/v{n}/MyHeadlessModel.{…}`: a file of other software. Either that software put it there, or it was
    /// copied there from the flat path before being overwritten.
    Foreign(ProjectId, Version, Format),
    /// `logs/{p}/{name}`: a log. [`Key::log`] builds the names of this software.
    Log(ProjectId, String),
    /// `probe/{id}`: a short-lived object of the store probe.
    Probe(String),
    /// `sweep/holder.json`: names the runner that sweeps, in the form of an attempt.
    Sweeper,
}

impl Key {
    /// The key of an attempt's log: `logs/{p}/{p}_info_{YYYYmmdd_HHMMSS}_v{n}_{run}.log`.
    pub fn log(project: &ProjectId, version: Version, run: &RunId, started: Timestamp) -> Self {
        let name = format!("{project}_info_{}_v{version}_{run}.log", started.compact());
        Self::Log(project.clone(), name)
    }

    /// The attempt that the key of a file or a log names.
    pub fn run(&self) -> Option<(&ProjectId, Version, RunId)> {
        match self {
            Self::Output(project, version, run, _) => Some((project, *version, run.clone())),
            Self::Log(project, name) => {
                let rest = name.strip_prefix(project.as_str())?.strip_prefix("_info_")?.strip_suffix(".log")?;
                let (_started, rest) = rest.split_once("_v")?;
                let (version, run) = rest.split_once('_')?;
                Some((project, version.parse().ok()?, run.parse().ok()?))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(p, n) => write!(f, "input/{p}/{p}_v{n}.py"),
            Self::Ticket(p, n) => write!(f, "pending/{p}/{p}_v{n}/ticket"),
            Self::Attempt(p, n, k) => write!(f, "pending/{p}/{p}_v{n}/a{k}.json"),
            Self::Output(p, n, run, format) => write!(f, "output/{p}/v{n}/{run}/{BASE_NAME}.{format}"),
            Self::Done(p, n) => write!(f, "processed/{p}/{p}_v{n}.py.done"),
            Self::Flat(p, format) => write!(f, "output/{p}/{BASE_NAME}.{format}"),
            Self::Foreign(p, n, format) => write!(f, "output/{p}/v{n}/{BASE_NAME}.{format}"),
            Self::Log(p, name) => write!(f, "logs/{p}/{name}"),
            Self::Probe(id) => write!(f, "probe/{id}"),
            Self::Sweeper => f.write_str(SWEEPER),
        }
    }
}

/// The longest key that a bucket accepts, in bytes.
pub const LONGEST_KEY: usize = 1024;

const SWEEPER: &str = "sweep/holder.json";

/// The text is not a key of this layout. Such objects are left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of the bucket layout")]
pub struct NotAKey;

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        parse(text).ok_or(NotAKey)
    }
}

fn parse(text: &str) -> Option<Key> {
    if text == SWEEPER {
        return Some(Key::Sweeper);
    }
    let (area, rest) = text.split_once('/')?;
    if area == "probe" {
        return is_name(rest).then(|| Key::Probe(rest.to_owned()));
    }
    let (project, rest) = rest.split_once('/')?;
    let project: ProjectId = project.parse().ok()?;
    match area {
        "input" => {
            let version = version_of(&project, rest.strip_suffix(".py")?)?;
            Some(Key::Script(project, version))
        }
        "processed" => {
            let version = version_of(&project, rest.strip_suffix(".py.done")?)?;
            Some(Key::Done(project, version))
        }
        "pending" => {
            let (stem, leaf) = rest.split_once('/')?;
            let version = version_of(&project, stem)?;
            if leaf == "ticket" {
                return Some(Key::Ticket(project, version));
            }
            let number = leaf.strip_prefix('a')?.strip_suffix(".json")?;
            // An attempt's number is spelled like a version's.
            let number = u32::try_from(number.parse::<Version>().ok()?.get()).ok()?;
            Some(Key::Attempt(project, version, number))
        }
        "output" => parse_output(project, rest),
        "logs" => is_name(rest).then(|| Key::Log(project, rest.to_owned())),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

fn parse_output(project: ProjectId, rest: &str) -> Option<Key> {
    let parts: Vec<&str> = rest.split('/').collect();
    let format = format_of(parts.last()?)?;
    match parts[..] {
        [_] => Some(Key::Flat(project, format)),
        [version, _] => Some(Key::Foreign(project, version.strip_prefix('v')?.parse().ok()?, format)),
        [version, run, _] => {
            let version = version.strip_prefix('v')?.parse().ok()?;
            Some(Key::Output(project, version, run.parse().ok()?, format))
        }
        _ => None,
    }
}

/// Reads `{p}_v{n}` of this project.
fn version_of(project: &ProjectId, stem: &str) -> Option<Version> {
    stem.strip_prefix(project.as_str())?.strip_prefix("_v")?.parse().ok()
}

/// Reads `MyHeadlessModel.{…}`, with the extension in any case: other software writes `.stl` or `.step`.
fn format_of(name: &str) -> Option<Format> {
    let extension = name.strip_prefix(BASE_NAME)?.strip_prefix('.')?;
    // A format may be spelled with a leading dot, which would be a second dot here.
    if extension.starts_with('.') { None } else { extension.parse().ok() }
}

/// The prefixes of listings.
pub mod prefix {
    use super::{BASE_NAME, ProjectId, RunId, Version};

    /// All scripts of all projects.
    pub const INPUT: &str = "input/";
    /// All tickets and attempts.
    pub const PENDING: &str = "pending/";
    /// All reports.
    pub const PROCESSED: &str = "processed/";
    /// All output files.
    pub const OUTPUT: &str = "output/";
    /// All logs.
    pub const LOGS: &str = "logs/";

    /// The scripts of one project.
    pub fn input(project: &ProjectId) -> String {
        format!("input/{project}/")
    }

    /// The tickets and attempts of one project.
    pub fn pending(project: &ProjectId) -> String {
        format!("pending/{project}/")
    }

    /// The ticket and the attempts of one version.
    pub fn pending_version(project: &ProjectId, version: Version) -> String {
        format!("pending/{project}/{project}_v{version}/")
    }

    /// The reports of one project.
    pub fn processed(project: &ProjectId) -> String {
        format!("processed/{project}/")
    }

    /// The output files of one project.
    pub fn output(project: &ProjectId) -> String {
        format!("output/{project}/")
    }

    /// The files on the flat path of one project.
    pub fn flat(project: &ProjectId) -> String {
        format!("output/{project}/{BASE_NAME}.")
    }

    /// The output files of one version.
    pub fn output_version(project: &ProjectId, version: Version) -> String {
        format!("output/{project}/v{version}/")
    }

    /// The files of one attempt.
    pub fn output_run(project: &ProjectId, version: Version, run: &RunId) -> String {
        format!("output/{project}/v{version}/{run}/")
    }

    /// The logs of one project.
    pub fn logs(project: &ProjectId) -> String {
        format!("logs/{project}/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str) -> ProjectId {
        name.parse().unwrap()
    }

    #[test]
    fn keys_survive_a_round_trip() {
        let run: RunId = "0123456789abcdef".parse().unwrap();
        for name in ["p", "a_v1", "a_v1_v2", "input", "x-1", "v3"] {
            let p = project(name);
            let n = Version::try_from(17).unwrap();
            let mut keys = vec![
                Key::Script(p.clone(), n),
                Key::Ticket(p.clone(), n),
                Key::Attempt(p.clone(), n, 3),
                Key::Done(p.clone(), n),
                Key::log(&p, n, &run, Timestamp::from_millis(0)),
                Key::Log(p.clone(), "anything else.log".to_owned()),
                Key::Probe("abc".to_owned()),
                Key::Sweeper,
            ];
            for format in Format::ALL {
                keys.push(Key::Output(p.clone(), n, run.clone(), format));
                keys.push(Key::Flat(p.clone(), format));
                keys.push(Key::Foreign(p.clone(), n, format));
            }
            for key in keys {
                assert_eq!(key.to_string().parse::<Key>(), Ok(key.clone()), "{key}");
            }
        }
    }

    #[test]
    fn the_layout() {
        let (p, n) = (project("demo"), Version::try_from(2).unwrap());
        let run: RunId = "0123456789abcdef".parse().unwrap();
        let check = |key: Key, text: &str| assert_eq!(key.to_string(), text);
        check(Key::Script(p.clone(), n), "input/demo/demo_v2.py");
        check(Key::Ticket(p.clone(), n), "pending/demo/demo_v2/ticket");
        check(Key::Attempt(p.clone(), n, 1), "pending/demo/demo_v2/a1.json");
        check(Key::Done(p.clone(), n), "processed/demo/demo_v2.py.done");
        check(Key::Flat(p.clone(), Format::FcStd), "output/demo/MyHeadlessModel.FCStd");
        check(
            Key::Output(p.clone(), n, run.clone(), Format::Step),
            "output/demo/v2/0123456789abcdef/MyHeadlessModel.STEP",
        );
        check(
            Key::log(&p, n, &run, Timestamp::from_millis(1_700_000_000_000)),
            "logs/demo/demo_info_20231114_221320_v2_0123456789abcdef.log",
        );
    }

    #[test]
    fn files_and_logs_name_their_attempt() {
        let run: RunId = "0123456789abcdef".parse().unwrap();
        for name in ["p", "a_v1", "a_info_v2", "info"] {
            let (p, n) = (project(name), Version::try_from(17).unwrap());
            let own =
                [Key::Output(p.clone(), n, run.clone(), Format::Stl), Key::log(&p, n, &run, Timestamp::from_millis(0))];
            for key in own {
                assert_eq!(key.to_string().parse::<Key>().unwrap().run(), Some((&p, n, run.clone())), "{key}");
            }
        }
        for text in [
            "logs/p/p_info_20231114_221320.log",
            "logs/p/p_v2_info_20231114_221320.log",
            "logs/p/q_info_20231114_221320_v2_0123456789abcdef.log",
            "output/p/v2/MyHeadlessModel.STL",
            "output/p/MyHeadlessModel.STL",
            "processed/p/p_v2.py.done",
        ] {
            assert_eq!(text.parse::<Key>().unwrap().run(), None, "{text}");
        }
    }

    #[test]
    fn other_keys_do_not_parse() {
        for text in [
            "",
            "input",
            "input/demo",
            "input/demo/",
            "input/demo/other_v1.py",
            "input/demo/demo_v01.py",
            "input/demo/demo_v0.py",
            "input/demo/demo_v1.py.bak",
            "input/demo/sub/demo_v1.py",
            "input/../demo_v1.py",
            "pending/demo/demo_v1/a0.json",
            "pending/demo/demo_v1/a01.json",
            "pending/demo/demo_v1/a1.json/x",
            "pending/demo/demo_v1",
            "processed/demo/demo_v1.py",
            "output/demo/v1/short/MyHeadlessModel.STL",
            "output/demo/v1/0123456789abcdef/other.STL",
            "output/demo/v1/0123456789abcdef/MyHeadlessModel.exe",
            "output/demo/MyHeadlessModel..STL",
            "logs/demo/a/b.log",
            "elsewhere/demo/demo_v1.py",
            "sweep/other.json",
        ] {
            assert_eq!(text.parse::<Key>(), Err(NotAKey), "{text}");
        }
    }
}
