//! The settings of the language model: `AI_*`.

use std::fmt;

use platform::ConfigError;
use platform::is_loopback;

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
    /// Where `chat/completions` is, such as `https://api.openai.com/v1`; `https`, or `http` on this machine or where no key
    /// goes along.
    pub base_url: http::Uri,
    /// Sent as `Authorization: Bearer`; none for a server on one's own machine that wants none.
    pub api_key: Option<String>,
    /// The model's name, as the provider has it.
    pub model: String,
    /// The most tokens of an answer, from 1 to 1,000,000; none leaves it to the provider. Workers AI stops at 256 unless
    /// told, OpenAI's newer models take no such limit.
    pub max_tokens: Option<u32>,
}

/// The most that may be set, so that a number with a nought too many is found at start.
const MOST_TOKENS: u32 = 1_000_000;

impl AiConfig {
    /// Reads the settings, which `lookup` gives by name; an empty value counts as absent. None where nothing is set:
    /// then there is no model, and everything else works.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong; never repeats a key.
    pub fn from_settings(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let first = provider(lookup, ["AI_BASE_URL", "AI_API_KEY", "AI_MODEL", "AI_MAX_TOKENS"])?;
        let other = ["AI_FALLBACK_BASE_URL", "AI_FALLBACK_API_KEY", "AI_FALLBACK_MODEL", "AI_FALLBACK_MAX_TOKENS"];
        let fallback = provider(lookup, other)?;
        match (first, fallback) {
            (Some(first), fallback) => Ok(Some(Self { first, fallback })),
            (None, None) => Ok(None),
            (None, Some(_)) => {
                Err(ConfigError::new("AI_BASE_URL", "there is a fallback, but nothing to fall back from".to_owned()))
            }
        }
    }

    /// The providers, in their order.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderConfig> {
        std::iter::once(&self.first).chain(&self.fallback)
    }
}

impl ProviderConfig {
    /// The host, for people and figures; it names the provider.
    pub fn host(&self) -> &str {
        self.base_url.host().unwrap_or_default()
    }

    /// Where to send requests.
    pub(super) fn url(&self) -> String {
        format!("{}/chat/completions", self.base_url.to_string().trim_end_matches('/'))
    }
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderConfig({} at {})", self.model, self.base_url)
    }
}

fn provider(
    lookup: &dyn Fn(&str) -> Option<String>,
    [url, key, model, limit]: [&'static str; 4],
) -> Result<Option<ProviderConfig>, ConfigError> {
    let optional = |name: &str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let max_tokens = optional(limit);
    let (base_url, api_key, model_name) = match (optional(url), optional(key), optional(model)) {
        (None, None, None) if max_tokens.is_none() => return Ok(None),
        (None, ..) => {
            let problem = format!("{key}, {model} or {limit} is set, but not where the provider is");
            return Err(ConfigError::new(url, problem));
        }
        (Some(_), _, None) => return Err(ConfigError::new(model, format!("{url} is set, but not which model to ask"))),
        (Some(base_url), api_key, Some(model)) => (base_url, api_key, model),
    };
    let wrong = |problem: &str| ConfigError::new(url, problem.to_owned());
    let base_url: http::Uri = base_url.parse().map_err(|_| wrong("it is no URL"))?;
    match base_url.scheme_str() {
        Some("https") => {}
        Some("http") if api_key.is_none() || base_url.host().is_some_and(is_loopback) => {}
        _ => {
            return Err(wrong(
                "it must begin with https://; with http:// for a server on this machine, or for one that is sent no key",
            ));
        }
    }
    let is_more = base_url.query().is_some() || base_url.path().trim_end_matches('/').ends_with("/completions");
    if is_more || base_url.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(wrong("it is the address before /chat/completions, without a query or a user"));
    }
    if api_key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(ConfigError::new(
            key,
            "it holds a character that no key has, such as a space or a line's end".to_owned(),
        ));
    }
    let max_tokens = match max_tokens.as_deref().map(str::parse::<u32>) {
        None => None,
        Some(Ok(tokens @ 1..=MOST_TOKENS)) => Some(tokens),
        Some(_) => return Err(ConfigError::new(limit, format!("it must be a number from 1 to {MOST_TOKENS}"))),
    };
    Ok(Some(ProviderConfig { base_url, api_key, model: model_name, max_tokens }))
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
    fn none_one_or_two() {
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
    fn each_has_its_own_limit_of_tokens() {
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
    fn wrong_values_are_named() {
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
