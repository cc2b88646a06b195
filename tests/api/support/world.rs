//! The whole Worker natively: the API and its objects on a store in memory. Tests ring the alarms.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use partwright::api::Config;
use partwright::auth::SharedKeys;
use partwright::metrics::Tally;
use partwright::object::ObjectName;
use platform::{Clock, ConfigError};

pub use super::answer::Answer;
pub use super::client::url;
use super::clock::TestClock;
use super::faults::Faulty;
use super::issuer::{self, KeySetAddress};
use super::memory_store::MemoryStore;
pub use super::network::Line;
use super::network::{CallCounts, Faults};
use super::platform::Instance;
pub use super::platform::Messages;
use super::provider::Provider;
use super::signer::Signer;

pub const ADMIN_TOKEN: &str = "the admin's token, 32 characters";
pub const RUNNER_TOKEN: &str = "the runners' token, 33 characters";

/// The settings of two language models.
pub const MODELS: [(&str, &str); 6] = [
    ("AI_BASE_URL", "https://first.test/v1"),
    ("AI_API_KEY", "sk-the-first-key"),
    ("AI_MODEL", "one"),
    ("AI_FALLBACK_BASE_URL", "https://other.test/v1"),
    ("AI_FALLBACK_API_KEY", "sk-the-other-key"),
    ("AI_FALLBACK_MODEL", "two"),
];

/// A Worker, and everything around it.
pub struct World {
    pub store: Faulty<MemoryStore>,
    /// The issuer's key set, if the settings name one.
    pub issuer: Faulty<KeySetAddress>,
    /// The language models, if the settings name any.
    pub provider: Provider,
    pub clock: TestClock,
    pub config: Result<Config, ConfigError>,
    pub faults: Faults,
    pub calls: CallCounts,
    pub(super) keys: SharedKeys,
    /// Metrics that the API has counted and not sent yet.
    pub(super) tally: Tally,
    pub(super) instances: RefCell<HashMap<ObjectName, Rc<Instance>>>,
    /// Calls between objects that are not delivered yet and whose response is not awaited.
    pub(super) posted: RefCell<VecDeque<(ObjectName, Bytes)>>,
}

impl World {
    /// Open mode on loopback, with `ADMIN_TOKEN` and `RUNNER_TOKEN`.
    pub fn new() -> Self {
        let tokens = [("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)];
        Self::with(MemoryStore::new(), &[&[("AUTH_MODE", "open")], &tokens[..]].concat())
    }

    /// Users with tokens signed with the issuer's secret, `ADMIN_TOKEN` and `RUNNER_TOKEN`. No open mode.
    pub fn closed() -> Self {
        let tokens = [("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)];
        Self::with(MemoryStore::new(), &[&issuer::BY_SECRET[..], &tokens].concat())
    }

    /// As [`World::closed`], with a language model and a fallback.
    pub fn talking() -> Self {
        let tokens = [("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)];
        Self::with(MemoryStore::new(), &[&issuer::BY_SECRET[..], &tokens, &MODELS].concat())
    }

    /// Any store and settings. The store's own settings are added.
    pub fn with(store: MemoryStore, settings: &[(&str, &str)]) -> Self {
        let config = Config::from_settings(&|name| {
            let given = settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| MemoryStore::setting(name))
        });
        Self {
            store: Faulty::new(store),
            issuer: Faulty::new(KeySetAddress::default()),
            provider: Provider::default(),
            clock: TestClock::new(),
            config,
            faults: Faults::default(),
            calls: CallCounts::default(),
            keys: SharedKeys::default(),
            tally: Tally::default(),
            instances: RefCell::default(),
            posted: RefCell::default(),
        }
    }

    /// A JSON Web Token of `user`, signed with the issuer's secret, good for an hour.
    pub fn jwt(&self, user: &str) -> String {
        Signer::secret(issuer::SECRET).token(None, &issuer::claims(user, self.clock.now()))
    }

    /// A JSON Web Token with the role `admin`.
    pub fn admin_jwt(&self, user: &str) -> String {
        let mut claims = issuer::claims(user, self.clock.now());
        claims["role"] = "admin".into();
        Signer::secret(issuer::SECRET).token(None, &claims)
    }
}
