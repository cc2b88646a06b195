//! The settings of the language model: `AI_*`.

use std::fmt;

use platform::{BaseUrl, ConfigError, Lookup, Settings};

/// The providers, in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiConfig {
    /// `AI_BASE_URL`, `AI_API_KEY`, `AI_MODEL`, `AI_MAX_TOKENS`.
    pub first: ProviderConfig,
    /// The same with `AI_FALLBACK_`: asked when the first fails.
    pub fallback: Option<ProviderConfig>,
}

/// One provider. `Debug` never shows the key.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    /// The address before `/chat/completions`, such as `https://api.openai.com/v1`. It is `https`, or `http` if it is
    /// on this machine or has no key.
    pub base_url: BaseUrl,
    /// Sent as `Authorization: Bearer`. `None` for a server that needs no key.
    pub api_key: Option<String>,
    /// The model's name at the provider.
    pub model: String,
    /// The most tokens of an answer, from 1 to 1,000,000. Default: the provider's limit. Workers AI stops at 256 unless
    /// this is set; OpenAI's newer models reject such a limit.
    pub max_tokens: Option<u32>,
}

/// The highest limit of tokens, so that a zero too many is found at start.
const HIGHEST_MAX_TOKENS: u32 = 1_000_000;

impl AiConfig {
    /// Reads the settings. Returns `None` if none is set: the service then works without a model.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong, and never repeats a key.
    pub fn from_settings(lookup: Lookup<'_>) -> Result<Option<Self>, ConfigError> {
        let settings = Settings::new(lookup);
        let first = provider(settings, ["AI_BASE_URL", "AI_API_KEY", "AI_MODEL", "AI_MAX_TOKENS"])?;
        let fallback = ["AI_FALLBACK_BASE_URL", "AI_FALLBACK_API_KEY", "AI_FALLBACK_MODEL", "AI_FALLBACK_MAX_TOKENS"];
        match (first, provider(settings, fallback)?) {
            (Some(first), fallback) => Ok(Some(Self { first, fallback })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ConfigError::new("AI_BASE_URL", "it is not set, but a fallback provider is")),
        }
    }

    /// The providers, in their order.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderConfig> {
        std::iter::once(&self.first).chain(&self.fallback)
    }
}

impl ProviderConfig {
    /// The host, which names the provider in messages and metrics.
    pub fn host(&self) -> &str {
        self.base_url.host()
    }

    pub(super) fn url(&self) -> String {
        format!("{}/chat/completions", self.base_url)
    }
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderConfig({} at {})", self.model, self.base_url)
    }
}

fn provider(
    settings: Settings<'_>,
    [url, key, model, limit]: [&'static str; 4],
) -> Result<Option<ProviderConfig>, ConfigError> {
    let problem = format!("it is not a whole number from 1 to {HIGHEST_MAX_TOKENS}");
    let read = |text: &str| text.parse().ok().filter(|tokens| (1..=HIGHEST_MAX_TOKENS).contains(tokens));
    let max_tokens = settings.parsed_with(limit, &problem, read)?;
    let api_key = settings.optional(key);
    let (base_url, model) = match (settings.optional(url), settings.optional(model)) {
        (Some(base_url), Some(name)) => (BaseUrl::parse(url, &base_url)?, name),
        (Some(_), None) => return Err(ConfigError::new(model, format!("it is not set, but {url} is"))),
        (None, None) if api_key.is_none() && max_tokens.is_none() => return Ok(None),
        (None, _) => {
            return Err(ConfigError::new(url, format!("it is not set, but {key}, {model} or {limit} is")));
        }
    };
    if api_key.is_some() && !base_url.is_private() {
        let problem = "it must begin with https://; http:// is for a server on this machine, or one without a key";
        return Err(ConfigError::new(url, problem));
    }
    if base_url.base_path.ends_with("/completions") {
        return Err(ConfigError::new(url, "it must be the address before /chat/completions"));
    }
    if api_key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(ConfigError::new(key, "it contains white space or a character outside ASCII"));
    }
    Ok(Some(ProviderConfig { base_url, api_key, model, max_tokens }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Option<AiConfig>, ConfigError> {
        AiConfig::from_settings(&|name| {
            settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn one_provider_or_two() {
        assert_eq!(read(&[("AI_MODEL", " ")]), Ok(None));
        let one = [("AI_BASE_URL", "https://api.example.com/v1/"), ("AI_MODEL", "m"), ("AI_API_KEY", "sk-hush")];
        let config = read(&one).unwrap().unwrap();
        assert_eq!(config.first.url(), "https://api.example.com/v1/chat/completions");
        assert_eq!((config.first.host(), config.providers().count()), ("api.example.com", 1));
        assert!(!format!("{config:?}").contains("hush"));
        for url in ["http://127.0.0.1:11434/v1", "http://ollama:11434/v1", "http://localhost/"] {
            let here = [("AI_FALLBACK_BASE_URL", url), ("AI_FALLBACK_MODEL", "qwen")];
            assert_eq!(read(&[&one[..], &here].concat()).unwrap().unwrap().providers().count(), 2, "{url}");
        }
        let with_key = [("AI_BASE_URL", "http://localhost:8000"), ("AI_MODEL", "m"), ("AI_API_KEY", "k")];
        assert!(read(&with_key).is_ok(), "loopback needs no TLS");
    }

    #[test]
    fn each_provider_has_its_own_token_limit() {
        let settings = |limit, other| {
            let first = [("AI_BASE_URL", "https://x"), ("AI_MODEL", "m"), ("AI_MAX_TOKENS", limit)];
            let fallback =
                [("AI_FALLBACK_BASE_URL", "https://y"), ("AI_FALLBACK_MODEL", "m"), ("AI_FALLBACK_MAX_TOKENS", other)];
            let config = read(&[first, fallback].concat()).unwrap().unwrap();
            config.providers().map(|provider| provider.max_tokens).collect::<Vec<_>>()
        };
        assert_eq!(settings("", " 4096 "), [None, Some(4_096)]);
        assert_eq!(settings("8000", ""), [Some(8_000), None]);
    }

    #[test]
    fn an_error_names_the_setting() {
        let url = |url| [("AI_BASE_URL", url), ("AI_MODEL", "m")];
        for (settings, name) in [
            (vec![("AI_API_KEY", "k")], "AI_BASE_URL"),
            (vec![("AI_MAX_TOKENS", "4096")], "AI_BASE_URL"),
            ([&url("https://x")[..], &[("AI_MAX_TOKENS", "0")]].concat(), "AI_MAX_TOKENS"),
            ([&url("https://x")[..], &[("AI_MAX_TOKENS", "4k")]].concat(), "AI_MAX_TOKENS"),
            ([&url("https://x")[..], &[("AI_MAX_TOKENS", "10000000")]].concat(), "AI_MAX_TOKENS"),
            (vec![("AI_BASE_URL", "https://x")], "AI_MODEL"),
            (url("api.example.com").to_vec(), "AI_BASE_URL"),
            ([&url("http://api.example.com/v1")[..], &[("AI_API_KEY", "hush")]].concat(), "AI_BASE_URL"),
            ([&url("http://127.0.0.1.example.com/v1")[..], &[("AI_API_KEY", "hush")]].concat(), "AI_BASE_URL"),
            (url("https://api.example.com/v1/chat/completions").to_vec(), "AI_BASE_URL"),
            (url("https://api.example.com/v1?key=x").to_vec(), "AI_BASE_URL"),
            (url("https://user:pass@api.example.com").to_vec(), "AI_BASE_URL"),
            ([&url("https://x")[..], &[("AI_API_KEY", "sk hush")]].concat(), "AI_API_KEY"),
            (vec![("AI_FALLBACK_BASE_URL", "https://x"), ("AI_FALLBACK_MODEL", "m")], "AI_BASE_URL"),
        ] {
            let error = read(&settings).unwrap_err();
            assert_eq!(error.setting(), name, "{error}");
            assert!(!error.to_string().contains("hush"));
        }
    }
}
