//! Everything that jobs share.

use s3::Client;

use crate::config::Config;
use crate::hints::Hints;
use crate::script_runner::ScriptRunner;
use crate::transport::SystemClock;

/// Everything that jobs share: the bucket, the clock, the engine, the settings and the hints.
#[derive(Clone, Copy)]
pub struct JobContext<'a> {
    pub client: Client<'a>,
    pub clock: &'a SystemClock,
    pub script_runner: &'a dyn ScriptRunner,
    pub config: &'a Config,
    pub hints: &'a Hints,
}
