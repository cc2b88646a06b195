//! Tokens of an issuer, verified by workerd's own WebCrypto.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use http::{Method, Request};
use platform::Clock;
use serde_json::{Value, json};

use crate::http::ApiResponse;
use crate::signer::{RSA_N, Signer, bytes};
use crate::site::Site;
use crate::stack::Stack;
use crate::tools::free_port;
use crate::wait::until;
use crate::worker::{ADMIN_TOKEN, Worker};

const ISSUER: &str = "https://issuer.example.com/";
const AUDIENCE: &str = "https://cad.example.com/api";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// HS256: only tokens signed with the shared secret are accepted.
pub async fn hs256_tokens_are_verified(stack: &Stack) {
    let scene = Scene::start(stack, "secret-worker", ("AUTH_JWT_SECRET", SECRET)).await;
    let (secret, claims) = (Signer::secret(SECRET), scene.claims());
    assert_eq!(scene.list_projects(None).await.expect(401).json()["code"], "unauthorized");
    scene.accept(&secret.token(None, &claims)).await;
    scene.accept(&secret.token(Some("any id"), &claims)).await;
    for wrong in [SECRET.to_uppercase(), format!("{SECRET}0"), SECRET[1..].to_owned(), String::from("x")] {
        scene.refuse(&Signer::secret(wrong).token(None, &claims)).await;
    }
    scene.refuse(&Signer::rsa().token(None, &claims)).await;
    scene.refuse_altered(&secret.token(None, &claims), &[0, 1, 31, 33, 64]).await;
    scene.refuse_wrong_claims(&secret, None).await;

    let admin = secret.token(None, &scene.claims_with("role", json!("admin")));
    for (token, status) in [(admin.as_str(), 200), (ADMIN_TOKEN, 200), (&secret.token(None, &claims), 403)] {
        scene.send(Method::GET, "/api/monitoring/s3/status", Some(token)).await.expect(status);
    }
    // Everybody sees whether the service works; an admin sees its parts.
    let health = scene.send(Method::GET, "/api/monitoring/health", None).await.expect(200).json();
    assert_eq!(health.as_object().unwrap().len(), 3, "{health}");
    let health = scene.send(Method::GET, "/api/monitoring/health", Some(&admin)).await.expect(200).json();
    assert_eq!(health["components"]["auth"]["status"], "configured", "{health}");
}

/// RS256 and ES256 with a key set: concurrent requests fetch it once, and its keys are rotated.
pub async fn key_set_tokens_are_verified(stack: &Stack) {
    let (rsa, ec, new) = (Signer::rsa(), Signer::ec(), Signer::ec());
    let key_set = |keys: &[Value]| json!({"keys": keys}).to_string();
    let keys = Site::start("application/json", &key_set(&[rsa.public("rsa"), ec.public("ec")])).await;
    let scene = Scene::start(stack, "key-set-worker", ("AUTH_JWKS_URL", &keys.url())).await;
    let claims = scene.claims();
    let first = rsa.token(Some("rsa"), &claims);
    for answer in join_all((0..20).map(|_| scene.list_projects(Some(&first)))).await {
        answer.expect(200);
    }
    assert_eq!(keys.requests().len(), 1, "twenty concurrent requests need one fetch");
    for (signer, id, sizes) in [(&rsa, "rsa", &[0, 1, 255, 257, 512]), (&ec, "ec", &[0, 1, 63, 65, 72])] {
        let token = signer.token(Some(id), &claims);
        scene.accept(&token).await;
        scene.accept(&signer.token(None, &claims)).await;
        scene.refuse_altered(&token, sizes).await;
        scene.refuse_wrong_claims(signer, Some(id)).await;
    }
    let header = json!({"alg": "HS256", "kid": "rsa"}).to_string();
    for secret in [RSA_N.as_bytes(), &bytes(RSA_N), b""] {
        scene.refuse(&Signer::secret(secret).sign_texts(&header, &claims.to_string())).await;
    }
    scene.refuse(&new.token(Some("ec"), &claims)).await;
    scene.refuse(&new.token(Some("new"), &claims)).await;

    keys.publish(&key_set(&[rsa.public("rsa"), new.public("new")]));
    let token = new.token(Some("new"), &claims);
    until("the new key", async || {
        let answer = scene.list_projects(Some(&token)).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
    scene.refuse(&ec.token(Some("ec"), &claims)).await;
    scene.accept(&first).await;
    let requests = keys.requests().len();
    assert!((2..=5).contains(&requests), "fetches are limited: {requests}");
    drop(keys);
    scene.accept(&token).await;
    scene.accept(&first).await;
}

/// A Worker that trusts an issuer.
struct Scene<'a> {
    stack: &'a Stack,
    worker: Worker,
}

impl<'a> Scene<'a> {
    async fn start(stack: &'a Stack, name: &str, keys: (&str, &str)) -> Self {
        let mut settings = stack.settings();
        settings.retain(|(name, _)| name != "AUTH_MODE");
        let own = [keys, ("AUTH_ISSUER", ISSUER), ("AUTH_AUDIENCE", AUDIENCE)];
        settings.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mut worker = Worker::start(stack.folder(), name, free_port(), &settings);
        worker.ready(&stack.transport, 200).await;
        Self { stack, worker }
    }

    /// The claims of a valid token.
    fn claims(&self) -> Value {
        let now = self.stack.clock.now().as_millis() / 1000;
        json!({"iss": ISSUER, "aud": [AUDIENCE, "others"], "sub": "auth0|anna", "nbf": now, "exp": now + 600})
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    async fn send(&self, method: Method, path: &str, token: Option<&str>) -> ApiResponse {
        let api = self.worker.api(&self.stack.transport);
        let mut request = Request::builder().method(method).uri(api.url(path));
        if let Some(token) = token {
            self.stack.sent_jwts.borrow_mut().insert(token.to_owned());
            request = request.header("authorization", format!("Bearer {token}"));
        }
        api.send(request.body(Default::default()).unwrap()).await
    }

    async fn list_projects(&self, token: Option<&str>) -> ApiResponse {
        self.send(Method::GET, "/api/projects", token).await
    }

    async fn accept(&self, token: &str) {
        self.list_projects(Some(token)).await.expect(200);
    }

    async fn refuse(&self, token: &str) {
        let answer = self.list_projects(Some(token)).await.expect(401);
        assert_eq!(answer.json()["code"], "invalid_token", "{answer}");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }

    /// Changes a character of each part, the size of the signature, and the algorithm.
    async fn refuse_altered(&self, token: &str, sizes: &[usize]) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        for at in [10, signed.find('.').unwrap() + 10, signed.len() + 10] {
            let other = if token[at..].starts_with('A') { 'B' } else { 'A' };
            self.refuse(&format!("{}{other}{}", &token[..at], &token[at + 1..])).await;
        }
        for size in sizes {
            let mut signature = bytes(signature);
            signature.resize(*size, 0);
            self.refuse(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))).await;
        }
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let claims = signed.split_once('.').unwrap().1;
        for unsigned in [format!("{none}.{claims}."), format!("{none}.{claims}.{signature}"), signed.to_owned()] {
            self.refuse(&unsigned).await;
        }
    }

    /// Valid signatures under wrong claims.
    async fn refuse_wrong_claims(&self, signer: &Signer, id: Option<&str>) {
        let now = self.stack.clock.now().as_millis() / 1000;
        for (name, value) in [
            ("iss", json!("https://issuer.example.com")),
            ("aud", json!("https://cad.example.com/")),
            ("exp", json!(now - 60)),
            ("nbf", json!(now + 60)),
            ("sub", json!("admin")),
        ] {
            self.refuse(&signer.token(id, &self.claims_with(name, value))).await;
        }
    }
}
