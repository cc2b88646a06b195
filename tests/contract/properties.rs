//! Properties of keys, ids and times. `PROPTEST_CASES` sets the number of cases.

use contract::{Format, IdempotencyKey, Key, ProjectId, RequestId, RunId, Sha256, Timestamp, Version};
use proptest::prelude::*;
use proptest::sample::select;

fn project() -> impl Strategy<Value = ProjectId> {
    // Names that look like other parts of a key.
    let odd = select(vec!["v1", "p_v1", "p_v1_v2", "input", "info", "p_info_v3", "0", "MyHeadlessModel"]);
    prop_oneof!["[A-Za-z0-9][A-Za-z0-9_-]{0,63}", odd.prop_map(str::to_owned)].prop_map(|name| name.parse().unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    (1..=Version::MAX.get()).prop_map(|number| number.try_into().unwrap())
}

fn run() -> impl Strategy<Value = RunId> {
    "[0-9a-f]{16}".prop_map(|id| id.parse().unwrap())
}

fn key() -> impl Strategy<Value = Key> {
    let format = || select(Format::ALL.to_vec());
    let time = (0..253_402_300_799_999_i64).prop_map(Timestamp::from_millis);
    prop_oneof![
        (project(), version()).prop_map(|(p, n)| Key::Script(p, n)),
        (project(), version()).prop_map(|(p, n)| Key::Ticket(p, n)),
        (project(), version(), 1..=u32::MAX).prop_map(|(p, n, k)| Key::Attempt(p, n, k)),
        (project(), version(), run(), format()).prop_map(|(p, n, run, format)| Key::Output(p, n, run, format)),
        (project(), version()).prop_map(|(p, n)| Key::Done(p, n)),
        (project(), format()).prop_map(|(p, format)| Key::Flat(p, format)),
        (project(), version(), format()).prop_map(|(p, n, format)| Key::Foreign(p, n, format)),
        (project(), "[^/]{1,40}").prop_map(|(p, name)| Key::Log(p, name)),
        (project(), version(), run(), time).prop_map(|(p, n, run, at)| Key::log(&p, n, &run, at)),
        "[^/]{1,40}".prop_map(Key::Probe),
        Just(Key::Sweeper),
    ]
}

/// Texts that differ from a key in one character.
fn nearly_a_key() -> impl Strategy<Value = String> {
    let new = prop_oneof![any::<char>(), select("./_-vVa0129pP".chars().collect::<Vec<_>>())];
    (key(), any::<prop::sample::Index>(), new, 0..3_u8).prop_map(|(key, at, new, how)| {
        let mut characters: Vec<char> = key.to_string().chars().collect();
        let at = at.index(characters.len());
        match how {
            0 => characters[at] = new,
            1 => characters.insert(at, new),
            _ => drop(characters.remove(at)),
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_parses_to_itself(key in key()) {
        prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
    }

    #[test]
    fn different_keys_have_different_texts(a in key(), b in key()) {
        prop_assert_eq!(a == b, a.to_string() == b.to_string());
    }

    #[test]
    fn a_parsed_text_prints_the_same(text in prop_oneof![nearly_a_key(), any::<String>()]) {
        if let Ok(key) = text.parse::<Key>() {
            // Extensions may have any case; everything else has one spelling.
            let built = key.to_string();
            let (stem, extension) = built.rsplit_once('.').unwrap_or((&built, ""));
            let is_file = matches!(key, Key::Output(..) | Key::Flat(..) | Key::Foreign(..));
            if is_file {
                let (given, given_extension) = text.rsplit_once('.').unwrap();
                prop_assert!(stem == given && extension.eq_ignore_ascii_case(given_extension), "{} {}", built, text);
            } else {
                prop_assert_eq!(built, text);
            }
        }
    }

    #[test]
    fn a_log_key_names_its_attempt(p in project(), n in version(), run in run(), at in 0..253_402_300_799_999_i64) {
        let key = Key::log(&p, n, &run, Timestamp::from_millis(at)).to_string().parse::<Key>().unwrap();
        prop_assert_eq!(key.run(), Some((&p, n, run)));
    }

    #[test]
    fn ids_have_one_spelling(text in prop_oneof![any::<String>(), "[0-9a-fA-F_.~ -]{0,70}", "[!-~]{0,260}"]) {
        for is_other in [
            text.parse::<ProjectId>().is_ok_and(|id| id.as_str() != text),
            text.parse::<RunId>().is_ok_and(|id| id.as_str() != text),
            text.parse::<RequestId>().is_ok_and(|id| id.as_str() != text),
            text.parse::<IdempotencyKey>().is_ok_and(|id| id.as_str() != text),
            text.parse::<Sha256>().is_ok_and(|id| id.as_str() != text),
            text.parse::<Version>().is_ok_and(|version| version.to_string() != text),
        ] {
            prop_assert!(!is_other);
        }
        // A time has many spellings.
        if let Ok(time) = text.parse::<Timestamp>() {
            prop_assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
        }
    }

    #[test]
    fn times_survive_a_round_trip(millis in 0..253_402_300_799_999_i64) {
        let time = Timestamp::from_millis(millis);
        prop_assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
    }
}
