//! The account object by itself: its list of projects, its tokens and sessions.

use contract::Timestamp;
use futures::FutureExt;
use partwright::account::{
    AccountObject, AccountRefusal, AccountTarget, AddProject, CheckToken, CreateToken, Created, EndSession,
    ListProjects, ListTokens, NewToken, RemoveProject, RevokeToken, TokenRefusal, TokenView,
};
use partwright::auth::{Scope, TokenKind, TokenText};
use partwright::object::{CallError, ObjectCall, ObjectRequest, Sql, Target, Value, read_answer};
use serde::de::DeserializeOwned;

use crate::support::sqlite::Sqlite;

/// Accepts tokens of any age.
const ALWAYS: Timestamp = Timestamp::EPOCH;

fn ask<R>(sql: &Sqlite, request: R, at: i64) -> R::Reply
where
    R: ObjectRequest<Target = AccountTarget, Reply: DeserializeOwned>,
{
    try_ask(sql, request, at).unwrap()
}

fn try_ask<R>(sql: &Sqlite, request: R, at: i64) -> Result<R::Reply, AccountRefusal>
where
    R: ObjectRequest<Target = AccountTarget, Reply: DeserializeOwned>,
{
    let target = AccountTarget("anna".to_owned());
    let object = target.object();
    let call = ObjectCall { target, operation: request.into() };
    let answer = AccountObject::new(sql).handle(call, Timestamp::from_millis(at));
    match read_answer::<R>(&object, answer).now_or_never().unwrap() {
        Ok(reply) => Ok(reply),
        Err(CallError::Refused(refusal)) => Err(refusal),
        Err(CallError::Failed(error)) => panic!("{error}"),
    }
}

fn token(kind: TokenKind, parent: Option<&str>, expires_at: i64) -> NewToken {
    NewToken {
        kind,
        name: "lathe".to_owned(),
        scope: Scope::Write,
        admin: false,
        parent: parent.map(str::to_owned),
        expires_at: Timestamp::from_millis(expires_at),
    }
}

/// Creates a token; returns its text and the account's reply.
fn create(sql: &Sqlite, token: NewToken, session: Option<&str>, at: i64) -> (TokenText, Created) {
    let text = TokenText::random("anna").unwrap();
    let (hash, session) = (text.hash(), session.map(str::to_owned));
    let made = try_ask(sql, CreateToken { hash, token, session, since: ALWAYS }, at);
    let made = made.map_err(|refusal| match refusal {
        AccountRefusal::Token(refusal) => refusal,
        AccountRefusal::Storage(error) => panic!("{error}"),
    });
    (text, made)
}

/// The token's view if the account accepts it.
fn find(sql: &Sqlite, text: &TokenText, at: i64) -> Option<TokenView> {
    find_since(sql, text, ALWAYS, at)
}

fn find_since(sql: &Sqlite, text: &TokenText, since: Timestamp, at: i64) -> Option<TokenView> {
    ask(sql, CheckToken { hashes: vec![text.hash()], since }, at)
}

#[test]
fn a_removed_project_is_not_listed() {
    let sql = Sqlite::new();
    let project = |name: &str| name.parse().unwrap();
    let listed = || {
        let page = ask(&sql, ListProjects { cursor: None, limit: 10 }, 9);
        let names: Vec<String> = page.projects.iter().map(|one| one.project_name.to_string()).collect();
        assert_eq!(page.total, names.len() as u64);
        names
    };
    ask(&sql, RemoveProject(project("a")), 1);
    for name in ["a", "b", "c", "b"] {
        ask(&sql, AddProject(project(name)), 2);
    }
    assert_eq!(listed(), ["c", "b", "a"]);
    for _ in 0..2 {
        ask(&sql, RemoveProject(project("b")), 3);
        assert_eq!(listed(), ["c", "a"]);
    }
    ask(&sql, AddProject(project("b")), 4);
    assert_eq!(listed(), ["b", "c", "a"], "a project that comes back is the newest");
}

#[test]
fn lookups_create_no_tables() {
    let sql = Sqlite::new();
    let text = TokenText::random("anna").unwrap();
    assert_eq!(find(&sql, &text, 1), None);
    assert!(!ask(&sql, RevokeToken { id: "x".to_owned() }, 1));
    assert!(!ask(&sql, EndSession { hashes: vec![text.hash()] }, 1));
    assert!(ask(&sql, ListTokens { since: ALWAYS }, 1).is_empty());
    assert!(sql.exec("SELECT 1 FROM sqlite_master", &[]).unwrap().is_empty());
}

#[test]
fn a_token_expires_by_the_object_clock() {
    let sql = Sqlite::new();
    let (text, made) = create(&sql, token(TokenKind::Api, None, 1_000), None, 10);
    let made = made.unwrap();
    assert_eq!(find(&sql, &text, 999).map(|view| view.id), Some(made.id.clone()));
    assert_eq!(find(&sql, &text, 1_000), None);
    let (_, child) = create(&sql, token(TokenKind::Session, Some(&made.id), 5_000), None, 999);
    assert_eq!(child.unwrap().token.expires_at, Timestamp::from_millis(1_000), "not later than its parent");
    let (_, child) = create(&sql, token(TokenKind::Session, Some(&made.id), 5_000), None, 1_000);
    assert_eq!(child, Err(TokenRefusal::MakerGone));
}

#[test]
fn a_revoked_parent_creates_nothing() {
    let sql = Sqlite::new();
    let parent = create(&sql, token(TokenKind::Api, None, 1_000), None, 1).1.unwrap();
    let (cookie, session) = create(&sql, token(TokenKind::Session, Some(&parent.id), 1_000), None, 2);
    let session = session.unwrap();
    let made_in = create(&sql, token(TokenKind::Api, None, 900), Some(&session.id), 3).1.unwrap();
    assert_eq!(made_in.token.parent.as_deref(), Some(parent.id.as_str()));
    // A session is not accepted as a parent, nor a token as a session.
    let (_, wrong) = create(&sql, token(TokenKind::Session, Some(&session.id), 900), None, 3);
    assert_eq!(wrong, Err(TokenRefusal::MakerGone));
    let (_, wrong) = create(&sql, token(TokenKind::Api, None, 900), Some(&parent.id), 3);
    assert_eq!(wrong, Err(TokenRefusal::MakerGone));
    assert!(!ask(&sql, RevokeToken { id: session.id.clone() }, 4), "a session is not a token");
    assert!(ask(&sql, RevokeToken { id: parent.id.clone() }, 4));
    assert_eq!(find(&sql, &cookie, 4), None);
    for (token, session) in [
        (token(TokenKind::Session, Some(&parent.id), 900), None),
        (token(TokenKind::Api, None, 900), Some(session.id.as_str())),
    ] {
        assert_eq!(create(&sql, token, session, 5).1, Err(TokenRefusal::MakerGone));
    }
    assert_eq!(sql.exec("SELECT COUNT(*) FROM tokens", &[]).unwrap(), [[Value::Integer(0)]]);
}

#[test]
fn tokens_from_before_a_time_are_refused() {
    let sql = Sqlite::new();
    let (first, parent) = create(&sql, token(TokenKind::Api, None, 1_000), None, 10);
    let parent = parent.unwrap();
    let (cookie, session) = create(&sql, token(TokenKind::Session, Some(&parent.id), 1_000), None, 20);
    let (second, _) = create(&sql, token(TokenKind::Api, None, 1_000), Some(&session.unwrap().id), 30);
    let (other, _) = create(&sql, token(TokenKind::Api, None, 1_000), None, 40);
    for (since, accepted) in [(10, [true; 4]), (11, [false, false, false, true]), (41, [false; 4])] {
        let since = Timestamp::from_millis(since);
        let found = [&first, &cookie, &second, &other].map(|text| find_since(&sql, text, since, 50).is_some());
        assert_eq!(found, accepted, "a token that was created with a refused one is refused: {since}");
        let listed = ask(&sql, ListTokens { since }, 50);
        assert_eq!(listed.len(), [0, 2, 3].into_iter().filter(|index| accepted[*index]).count(), "{since}");
    }
    // They do not count towards the limit of 50.
    for _ in 0..47 {
        create(&sql, token(TokenKind::Api, None, 1_000), None, 45).1.unwrap();
    }
    assert_eq!(create(&sql, token(TokenKind::Api, None, 1_000), None, 45).1, Err(TokenRefusal::TooMany { most: 50 }));
    let (hash, token) = (TokenText::random("anna").unwrap().hash(), token(TokenKind::Api, None, 1_000));
    let request = CreateToken { hash, token, session: None, since: Timestamp::from_millis(45) };
    assert!(try_ask(&sql, request, 46).is_ok());
}

#[test]
fn the_oldest_of_too_many_sessions_ends() {
    let sql = Sqlite::new();
    let (api, _) = create(&sql, token(TokenKind::Api, None, 1_000), None, 1);
    let texts: Vec<TokenText> =
        (0..22).map(|at| create(&sql, token(TokenKind::Session, None, 1_000), None, at).0).collect();
    let accepted: Vec<bool> = texts.iter().map(|text| find(&sql, text, 100).is_some()).collect();
    assert_eq!(accepted, [vec![false; 2], vec![true; 20]].concat());
    assert!(find(&sql, &api, 100).is_some(), "API tokens do not count as sessions");
}

#[test]
fn a_token_only_displaces_its_own_sessions() {
    let sql = Sqlite::new();
    let (_, leaked) = create(&sql, token(TokenKind::Api, None, 1_000), None, 1);
    let own: Vec<TokenText> =
        (0..15).map(|at| create(&sql, token(TokenKind::Session, None, 1_000), None, at).0).collect();
    let many = || create(&sql, token(TokenKind::Session, Some(&leaked.as_ref().unwrap().id), 1_000), None, 20).0;
    let many: Vec<TokenText> = (0..30).map(|_| many()).collect();
    assert!(own.iter().all(|text| find(&sql, text, 100).is_some()));
    assert_eq!(many.iter().filter(|text| find(&sql, text, 100).is_some()).count(), 5);
}

#[test]
fn a_damaged_row_authenticates_nobody() {
    for damage in ["scope = 'all'", "kind = 'root'", "admin = 'yes'", "parent = 7"] {
        let sql = Sqlite::new();
        let (text, _) = create(&sql, token(TokenKind::Api, None, 1_000), None, 1);
        sql.exec(&format!("UPDATE tokens SET {damage}"), &[]).unwrap();
        let answer = try_ask(&sql, CheckToken { hashes: vec![text.hash()], since: ALWAYS }, 2);
        // SQLite converts the number, because the column is of type text.
        assert_eq!(answer.is_err(), damage != "parent = 7", "{damage}: {answer:?}");
    }
}

#[test]
fn a_check_costs_the_same_with_many_tokens() {
    let steps = |others: i64| {
        let sql = Sqlite::new();
        for _ in 0..others {
            create(&sql, token(TokenKind::Api, None, 1_000), None, 1).1.unwrap();
        }
        let (text, _) = create(&sql, token(TokenKind::Api, None, 1_000), None, 1);
        find(&sql, &text, 2).unwrap();
        let before = sql.steps.get();
        find(&sql, &text, 3).unwrap();
        sql.steps.get() - before
    };
    assert_eq!(steps(0), steps(49));
}
