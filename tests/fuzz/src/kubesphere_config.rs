use kubesphere::confidential::redact_json;
use kubesphere::jwt_secret::JwtSecret;
use kubesphere::kubesphere_config::KubesphereConfig;
use serde_json::json;

pub(super) const WORDS: &[&str] = &[
    "authentication:\n",
    "  jwtSecret: ",
    "  issuer:\n",
    "  oauthOptions:\n",
    "    accessTokenMaxAge: 0\n",
    "accessTokenMaxAge: 2h45m\n",
    "multicluster:\n",
    "  enable: true\n",
    "  clusterRole: member\n",
    "  clusterControllerResyncPeriod: 2m0s\n",
    "99999999h",
    "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU",
];

/// Shorter ones may stand in any word.
const SHORTEST_SECRET: usize = 12;

/// What is no configuration is told without a word of it, and in a ConfigMap that is traced the secret is not seen.
pub(super) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let config = match KubesphereConfig::parse(&text) {
        Ok(config) => config,
        Err(error) => {
            let words = error.strip_prefix("not YAML").unwrap_or(&error);
            let place =
                words.split(' ').all(|word| ["", "at", "line", "column"].contains(&word) || is_number(word));
            assert!(place || words == "not a mapping", "{error}");
            return;
        }
    };
    assert!(!config.resync.is_zero(), "a controller that always looks");
    let Some(secret) = config.jwt_secret.as_ref().map(JwtSecret::expose) else { return };
    // Somewhere else it may be no secret.
    if secret.len() >= SHORTEST_SECRET && text.matches(secret).count() <= 1 {
        let mut traced = json!({"kind": "ConfigMap", "data": {"kubesphere.yaml": text}});
        redact_json(&mut traced);
        assert!(!traced.to_string().contains(secret), "the secret is traced");
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}
