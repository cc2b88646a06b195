//! Forged, altered and misplaced tokens, and requests that a page of another site makes a browser send with its session.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use platform::{Body, Clock};
use serde_json::{Value, json};

use crate::support::issuer::{self, claims};
use crate::support::memory_store::MemoryStore;
use crate::support::person::{Person, cookie};
use crate::support::signer::{RSA_N, Signer, bytes};
use crate::support::world::{ADMIN_TOKEN, Answer, World, url};

/// The fixed head of an RSA key of 2,048 bits with the exponent 65,537 as SubjectPublicKeyInfo (RFC 5280, section
/// 4.1.2.7; RFC 8017, appendix A.1.1), before and after the modulus.
const SPKI: (&[u8], &[u8]) = (
    &[
        0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
        0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
    ],
    &[0x02, 0x03, 0x01, 0x00, 0x01],
);

/// A Worker that trusts a key set.
fn by_key_set(keys: &[Value]) -> World {
    let world = World::with(MemoryStore::new(), &issuer::BY_KEY_SET);
    world.issuer.inner.publish(keys);
    world
}

async fn list_projects(world: &World, token: &str) -> Answer {
    world.get_with("/api/projects", ("authorization", &format!("Bearer {token}"))).await
}

/// Asserts that a token is refused; returns the error's detail.
async fn assert_refused(world: &World, token: &str, what: &str) -> String {
    let answer = list_projects(world, token).await;
    assert_eq!(answer.status, 401, "{what}");
    assert_eq!(answer.json()["code"], "invalid_token", "{what}");
    answer.json()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn valid_tokens_are_accepted() {
    let world = World::closed();
    assert_eq!(list_projects(&world, &world.jwt("anna")).await.status, 200);
    let (rsa, ec) = (Signer::rsa(), Signer::ec());
    let world = by_key_set(&[rsa.public("rsa"), ec.public("ec")]);
    for (signer, id) in [(&rsa, "rsa"), (&ec, "ec")] {
        let claims = claims("anna", world.clock.now());
        assert_eq!(list_projects(&world, &signer.token(Some(id), &claims)).await.status, 200, "{id}");
        assert_eq!(
            list_projects(&world, &signer.token(None, &claims)).await.status,
            200,
            "the only key of its type: {id}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn unsigned_tokens_are_refused() {
    let (rsa, ec) = (Signer::rsa(), Signer::ec());
    for world in [World::closed(), by_key_set(&[rsa.public("rsa"), ec.public("ec")])] {
        let claims = claims("anna", world.clock.now()).to_string();
        for algorithm in ["none", "None", "NONE", "nOnE", "", " none", "HS256", "RS256", "ES256"] {
            for header in [json!({"alg": algorithm}), json!({"alg": algorithm, "kid": "rsa"})] {
                let signed = format!("{}.{}", part(header.to_string()), part(&claims));
                for signature in ["", "AA", &part([0; 32]), &part([0; 64]), &part([0; 256])] {
                    assert_refused(&world, &format!("{signed}.{signature}"), algorithm).await;
                }
                assert_refused(&world, &signed, algorithm).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_public_key_is_not_accepted_as_a_secret() {
    let rsa = Signer::rsa();
    let world = by_key_set(&[rsa.public("rsa")]);
    let claims = claims("anna", world.clock.now());
    let modulus = bytes(RSA_N);
    let der = [SPKI.0, &modulus[..], SPKI.1].concat();
    let base64 = base64::engine::general_purpose::STANDARD.encode(&der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let encodings: [Vec<u8>; 10] = [
        RSA_N.into(),
        modulus.clone(),
        [&[0], &modulus[..]].concat(),
        der,
        format!("{pem}\n").into(),
        pem.replace('\n', "\r\n").into(),
        pem.into(),
        base64.into(),
        rsa.public("rsa").to_string().into(),
        Vec::new(),
    ];
    for secret in encodings {
        let forger = Signer::secret(secret);
        for header in [
            json!({"alg": "HS256", "kid": "rsa"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS256", "kid": "rsa"}),
            json!({"alg": "HS256", "kid": "rsa", "jwk": rsa.public("rsa")}),
        ] {
            let token = forger.sign_texts(&header.to_string(), &claims.to_string());
            assert_refused(&world, &token, &header.to_string()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_determines_the_algorithm() {
    let (rsa, ec, stranger) = (Signer::rsa(), Signer::ec(), Signer::ec());
    let world = by_key_set(&[rsa.public("rsa"), ec.public("ec")]);
    let claims = claims("anna", world.clock.now()).to_string();
    for (signer, header) in [
        (&rsa, json!({"alg": "ES256", "kid": "rsa"})),
        (&rsa, json!({"alg": "RS256", "kid": "ec"})),
        (&ec, json!({"alg": "RS256", "kid": "ec"})),
        (&ec, json!({"alg": "ES256", "kid": "rsa"})),
        (&rsa, json!({"alg": "PS256", "kid": "rsa"})),
        (&rsa, json!({"alg": "RS384", "kid": "rsa"})),
        (&rsa, json!({"alg": "rs256", "kid": "rsa"})),
        (&rsa, json!({"alg": "RS256 ", "kid": "rsa"})),
        (&rsa, json!({"alg": "RS256", "kid": "RSA"})),
        (&rsa, json!({"alg": "RS256", "kid": ""})),
        (&rsa, json!({"alg": "RS256", "kid": "../rsa"})),
        (&stranger, json!({"alg": "ES256", "kid": "ec"})),
        (&stranger, json!({"alg": "ES256"})),
        // A key in the header, and an address of a key: both are ignored (RFC 7515, sections 4.1.2 and 4.1.3).
        (&stranger, json!({"alg": "ES256", "kid": "stranger", "jwk": stranger.public("stranger")})),
        (&stranger, json!({"alg": "ES256", "kid": "stranger", "jku": "https://evil.test/keys"})),
        (&rsa, json!({"alg": "RS256", "kid": "rsa", "crit": ["exp"]})),
        (&rsa, json!({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": false})),
        (&rsa, json!({"alg": "RS256", "kid": "rsa", "crit": []})),
        (&rsa, json!({"kid": "rsa"})),
    ] {
        assert_refused(&world, &signer.sign_texts(&header.to_string(), &claims), &header.to_string()).await;
    }
    // The same with the secret: a token does not choose its algorithm.
    let (world, secret) = (World::closed(), Signer::secret(issuer::SECRET));
    for algorithm in ["HS384", "HS512", "RS256", "ES256", "hs256", "none", ""] {
        let token = secret.sign_texts(&json!({"alg": algorithm}).to_string(), &claims);
        assert_refused(&world, &token, algorithm).await;
    }
    for guess in ["", "secret", &issuer::SECRET[1..], &issuer::SECRET.to_uppercase()] {
        assert_refused(&world, &Signer::secret(guess).token(None, &serde_json::from_str(&claims).unwrap()), guess)
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn signed_tokens_with_wrong_claims_are_refused() {
    let (world, secret) = (World::closed(), Signer::secret(issuer::SECRET));
    let now = world.clock.now().as_millis() / 1000;
    let sound = claims("anna", world.clock.now());
    let with = |field: &str, value: Value| {
        let mut claims = sound.clone();
        claims[field] = value;
        claims
    };
    let without = |field: &str| {
        let mut claims = sound.clone();
        claims.as_object_mut().unwrap().remove(field);
        claims
    };
    for (claims, why) in [
        (with("iss", json!("https://evil.test")), "issuer"),
        (with("iss", json!(format!("{}/", issuer::ISSUER))), "issuer"),
        (with("iss", json!("")), "issuer"),
        (without("iss"), "issuer"),
        (with("aud", json!("another")), "audience"),
        (with("aud", json!(["another", "others"])), "audience"),
        (with("aud", json!("partwright2")), "audience"),
        (with("aud", json!([])), "audience"),
        (without("aud"), "audience"),
        (with("exp", json!(now - 31)), "expired"),
        (with("exp", json!(0)), "expired"),
        (with("exp", json!(-1e300)), "expired"),
        (with("exp", Value::Null), "expired"),
        (without("exp"), "expired"),
        (with("nbf", json!(now + 31)), "not valid yet"),
        (with("nbf", json!(1e300)), "not valid yet"),
        (with("sub", json!("")), "subject"),
        (with("sub", json!("an na")), "subject"),
        (with("sub", json!("anna\u{0}")), "subject"),
        (with("sub", json!("аnna")), "subject"),
        (with("sub", json!("a".repeat(129))), "subject"),
        (without("sub"), "subject"),
        (with("sub", json!("admin")), "reserves"),
        (with("sub", json!("local")), "reserves"),
        (with("sub", json!("runner")), "reserves"),
        (with("sub", json!(["anna"])), "not a JSON Web Token"),
        (with("exp", json!("9999999999")), "not a JSON Web Token"),
        (with("exp", json!(true)), "not a JSON Web Token"),
        (with("aud", json!({"partwright": 1})), "not a JSON Web Token"),
        (json!([]), "not a JSON Web Token"),
    ] {
        let detail = assert_refused(&world, &secret.token(None, &claims), &claims.to_string()).await;
        assert!(detail.contains(why), "{claims}: {detail}");
    }
    for (claims, seconds) in [(with("exp", json!(now - 20)), 0), (with("nbf", json!(now + 20)), 0)] {
        assert_eq!(list_projects(&world, &secret.token(None, &claims)).await.status, 200, "clocks differ: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn ambiguous_json_is_refused() {
    let (world, secret) = (World::closed(), Signer::secret(issuer::SECRET));
    let (sound, header) = (claims("anna", world.clock.now()).to_string(), r#"{"alg":"HS256"}"#);
    assert_eq!(list_projects(&world, &secret.sign_texts(header, &sound)).await.status, 200);
    assert_eq!(list_projects(&world, &secret.sign_texts(header, &format!(" \n{sound} "))).await.status, 200);
    let twice = |member: &str| sound.replacen('{', &format!("{{{member},"), 1);
    for claims in [
        twice(r#""sub":"bert""#),
        twice(r#""\u0073ub":"bert""#),
        twice(r#""iss":"https://evil.test""#),
        twice(r#""aud":"another""#),
        twice(r#""exp":9999999999"#),
        twice(r#""nbf":0"#),
        twice(r#""role":"user","role":"admin""#),
        format!("{sound}{sound}"),
        format!("[{sound}]"),
        format!("\u{feff}{sound}"),
        sound.replace('"', "'"),
        sound.replacen(':', "=", 1),
        sound[..sound.len() - 1].to_owned(),
        format!("{}{}{}", "[".repeat(2_000), sound, "]".repeat(2_000)),
        format!("/**/{sound}"),
        sound.replace("\"exp\":", "\"exp\":NaN,\"more\":"),
        String::new(),
        "null".to_owned(),
    ] {
        assert_refused(&world, &secret.sign_texts(header, &claims), &claims).await;
    }
    for header in [
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"\u0061lg":"none","alg":"HS256"}"#,
        r#"["HS256",null,false]"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256"} x"#,
        r#"{"Alg":"HS256"}"#,
        r#"{"alg":{"HS256":1}}"#,
        "{}",
        "",
    ] {
        assert_refused(&world, &secret.sign_texts(header, &sound), header).await;
    }
}

#[tokio::test(start_paused = true)]
async fn altered_tokens_are_refused() {
    let rsa = Signer::rsa();
    let world = by_key_set(&[rsa.public("rsa")]);
    let token = rsa.token(Some("rsa"), &claims("anna", world.clock.now()));
    for length in 0..token.len() {
        assert_refused(&world, &token[..length], &format!("its first {length} bytes")).await;
        assert_refused(&world, &token[length + 1..], &format!("without its first {} bytes", length + 1)).await;
    }
    // Each letter changed in turn, in the signed part and in the signature. The last letter also holds padding bits.
    for (at, letter) in token.char_indices() {
        let other = if letter == 'A' { 'B' } else { 'A' };
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert_refused(&world, &changed, &format!("with another letter at {at}")).await;
    }
    let [header, body, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    for changed in [
        format!("{token}="),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}.{body}.{signature}{signature}"),
        format!("{header}..{body}.{signature}"),
        format!("{header}.{body}.{}", signature.replace(['-', '_'], "/")),
        format!("{header}.{signature}.{body}"),
        format!("{header}.{body} .{signature}"),
        format!("{header}.{body}.{signature}, Bearer {token}"),
        format!("Bearer {token}"),
        token.replace('.', "%2E"),
    ] {
        assert_refused(&world, &changed, &changed).await;
    }
    assert_eq!(list_projects(&world, &token).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn oversized_tokens_are_refused() {
    let (world, secret) = (World::closed(), Signer::secret(issuer::SECRET));
    let mut claims = claims("anna", world.clock.now());
    claims["more"] = json!("x".repeat(4_000));
    assert_eq!(list_projects(&world, &secret.token(None, &claims)).await.status, 200);
    for length in [8_000, 100_000, 10_000_000] {
        claims["more"] = json!("x".repeat(length));
        assert_refused(&world, &secret.token(None, &claims), &format!("{length}")).await;
        assert_refused(&world, &"x".repeat(length), "no token").await;
        assert_refused(&world, &format!("pw_{}", "x".repeat(length)), "no API token").await;
        assert_refused(&world, &format!("pw_{}.{}", "x".repeat(length), "x".repeat(43)), "no user").await;
        assert_refused(&world, &".".repeat(length), "nothing but dots").await;
    }
}

/// Headers of cross-site requests: the Fetch and Fetch Metadata standards make a browser send at least one of these.
const CROSS_SITE: [(&str, &str); 5] = [
    ("origin", "https://evil.example.com"),
    ("origin", "http://127.0.0.1:8788"),
    ("origin", "null"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
];

#[tokio::test(start_paused = true)]
async fn another_site_cannot_use_a_session() {
    let world = World::closed();
    let anna = Person::bearer(&world, &world.jwt("anna"));
    assert_eq!(anna.upload("demo").await, 201);
    let session = anna.sign_in().await;
    let keys = world.store.inner.keys();
    let calls: [(&str, &str, &str, &str); 8] = [
        // A form, a fetch without preflight, one with preflight, and an image.
        ("POST", "/api/projects/demo/upload-script", "text/plain", "x = 2"),
        ("POST", "/api/projects/demo/upload-script", "application/x-www-form-urlencoded", "code=x"),
        ("POST", "/api/projects/demo/upload-script", "application/json", r#"{"code":"x = 2"}"#),
        ("POST", "/api/projects/demo/cancel/1", "text/plain", ""),
        ("POST", "/api/tokens", "application/json", r#"{"name":"mine"}"#),
        ("POST", "/api/session", "text/plain", ""),
        ("GET", "/api/projects/demo/script/1", "text/plain", ""),
        ("HEAD", "/api/projects", "text/plain", ""),
    ];
    for (method, path, kind, body) in calls {
        for header in CROSS_SITE {
            let (name, value) = cookie(&session);
            let request = http::Request::builder().method(method).uri(url(path)).header(name, value);
            let request = request.header(header.0, header.1).header("content-type", kind);
            let answer = world.attempt(request.body(Body::full(body)).unwrap()).await;
            assert_eq!(answer.status, 403, "{method} {path} {header:?}");
            if method != "HEAD" {
                assert_eq!(answer.json()["code"], "foreign_origin", "{method} {path} {header:?}");
                assert_eq!(answer.header("access-control-allow-origin"), "", "{header:?}");
            }
        }
    }
    assert_eq!(world.store.inner.keys(), keys);
    // The session route does not show whether a user is signed in.
    for text in [session.as_str(), "wrong", ""] {
        let (name, value) = cookie(text);
        let request = http::Request::get(url("/api/session")).header(name, value);
        let request = request.header("origin", "https://evil.example.com").body(Body::empty()).unwrap();
        assert_eq!(world.send(request).await.json()["code"], "foreign_origin", "{text:?}");
    }
    let page = Person::browser(&world, &session);
    assert_eq!((page.get("/api/projects/demo/script/1").await.status, page.upload("demo").await), (200, 201));
}

#[tokio::test(start_paused = true)]
async fn another_site_cannot_open_a_websocket() {
    let world = World::closed();
    let anna = Person::bearer(&world, &world.jwt("anna"));
    assert_eq!(anna.upload("demo").await, 201);
    let session = anna.sign_in().await;
    let connect = async |header: Option<(&str, &str)>| {
        let (name, value) = cookie(&session);
        let mut request = http::Request::get(url("/api/projects/demo/watch")).header(name, value);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        world.attempt(request.header("upgrade", "websocket").body(Body::empty()).unwrap()).await.status
    };
    for header in CROSS_SITE {
        assert_eq!(connect(Some(header)).await, 403, "{header:?}");
    }
    for header in [None, Some(("origin", "http://127.0.0.1:8787")), Some(("sec-fetch-site", "same-origin"))] {
        assert_eq!(connect(header).await, 101, "{header:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_accepted_only_in_its_place() {
    let world = World::closed();
    let jwt = world.jwt("anna");
    let anna = Person::bearer(&world, &jwt);
    let (api_token, _) = anna.make(json!({"name": "program"})).await;
    let session = anna.sign_in().await;
    assert_eq!(list_projects(&world, &api_token).await.status, 200);
    assert_eq!(Person::browser(&world, &session).get("/api/projects").await.status, 200);
    assert_refused(&world, &session, "a session's token in the header").await;
    for text in [api_token.as_str(), &jwt, ADMIN_TOKEN] {
        let answer = Person::browser(&world, text).get("/api/projects").await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("invalid_token")), "as a cookie");
    }
    // Another user's name before the same secret, and another secret behind the same name.
    let secret = api_token.split_once('.').unwrap().1;
    for forged in [
        format!("pw_{}.{secret}", part("bert")),
        format!("pw_{}.{secret}", part("admin")),
        format!("pw_{}.{}", part("anna"), part([0; 32])),
    ] {
        assert_refused(&world, &forged, &forged).await;
    }
    // A valid cookie does not make up for an invalid header.
    let both = Person::browser(&world, &session).with("authorization", "Bearer wrong");
    assert_eq!(both.get("/api/projects").await.status, 401);
    let both = Person::browser(&world, "wrong").with("authorization", &format!("Bearer {jwt}"));
    assert_eq!(both.get("/api/projects").await.status, 200, "the header takes precedence over the cookie");
}

#[tokio::test(start_paused = true)]
async fn tokens_end_with_the_setting_of_their_maker() {
    for setting in [("AUTH_MODE", "open"), ("ADMIN_TOKEN", ADMIN_TOKEN)] {
        let mut world = World::with(MemoryStore::new(), &[setting]);
        let maker = if setting.0 == "AUTH_MODE" { Person::nobody(&world) } else { Person::admin(&world) };
        let (token, _) = maker.make(json!({"name": "program"})).await;
        assert_eq!(list_projects(&world, &token).await.status, 200, "{setting:?}");
        let before = std::mem::replace(&mut world.config, World::with(MemoryStore::new(), &issuer::BY_SECRET).config);
        assert_refused(&world, &token, "neither open mode nor ADMIN_TOKEN").await;
        world.config = before;
        assert_eq!(list_projects(&world, &token).await.status, 200, "{setting:?}");
    }
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
