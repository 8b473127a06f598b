//! Until when a credential holds.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use kubesphere::{cluster::RegisteredCluster, go_base64, pem, stored_kubeconfig::StoredKubeconfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use x509_parser::parse_x509_certificate;

use super::member_kubeconfig::StoredUser;

/// Seconds of a day.
pub const DAY: i64 = 24 * 3600;
/// What ends sooner is told: KubeSphere itself warns only in the last seven days.
pub const SOON: i64 = 30 * DAY;

/// What a credential tells of itself.
pub struct Told {
    /// The common name in a certificate, the subject of a token.
    pub subject: Option<String>,
    /// As of [`end`].
    pub end: Option<i64>,
}

/// Nothing where it cannot be read.
pub fn told(user: &StoredUser) -> Option<Told> {
    match user {
        StoredUser::Certificate { certificate, .. } => {
            let own = pem::certificate(certificate.expose_secret())?;
            let (_, certificate) = parse_x509_certificate(&own).ok()?;
            let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
            let end = certificate.validity().not_after.timestamp();
            Some(Told { subject: name.map(str::to_owned), end: Some(end) })
        }
        StoredUser::Token(token) => {
            let claims = URL_SAFE_NO_PAD.decode(token.expose_secret().trim().split('.').nth(1)?).ok()?;
            let claims: Value = serde_json::from_slice(&claims).ok()?;
            Some(Told { subject: claims["sub"].as_str().map(str::to_owned), end: claims["exp"].as_i64() })
        }
    }
}

/// When it ends, in seconds since 1970, where it tells: a certificate always does, and a token that was issued for a
/// while. That of a token Secret has no end.
pub fn end(user: &StoredUser) -> Option<i64> {
    told(user)?.end
}

/// As [`end`], of what a host has stored of a member.
pub fn end_of_stored(cluster: &RegisteredCluster) -> Option<i64> {
    end(&stored_user(&cluster.stored_kubeconfig()?)?)
}

/// Who the host is to a member by what it has stored: the key is left where it is.
pub fn stored_user(kubeconfig: &StoredKubeconfig) -> Option<StoredUser> {
    let Some(data) = kubeconfig.of_user("client-certificate-data") else {
        return kubeconfig.of_user("token").map(StoredUser::Token);
    };
    holder(&data)
}

/// The holder of the certificate in a kubeconfig's data, without the key.
pub fn holder(data: &SecretString) -> Option<StoredUser> {
    let text = go_base64::decoded(data.expose_secret())?;
    let certificate = String::from_utf8_lossy(&text).into_owned().into();
    Some(StoredUser::Certificate { certificate, key: String::new().into() })
}

/// Fails with why a credential that was made for the host does not last; otherwise there may be something to know.
pub fn lasting(now: i64, end: i64) -> Result<Option<String>, String> {
    let ends = || format!("expires on {}, in {}", day(end), left(now, end));
    let unrenewed = "nobody renews what is stored";
    match end - now {
        ..DAY => Err(format!("it {}, and {unrenewed}", ends())),
        DAY..SOON => Ok(Some(format!("{}, and {unrenewed}", ends()))),
        _ => Ok(None),
    }
}

/// The day, for people.
pub fn day(second: i64) -> String {
    Timestamp::from_second(second)
        .map_or_else(|_| "an unknown day".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// How long it is from `now` to `end`, roughly.
pub fn left(now: i64, end: i64) -> String {
    let (left, unit) = match (end - now).max(0) {
        left @ ..7200 => (left / 60, "minutes"),
        left if left < 2 * DAY => (left / 3600, "hours"),
        left => (left / DAY, "days"),
    };
    format!("{left} {unit}")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::{DAY, StoredUser, URL_SAFE_NO_PAD, day, end, left};

    fn token(claims: &str) -> StoredUser {
        StoredUser::Token(format!("h.{}.s\n", URL_SAFE_NO_PAD.encode(claims)).into())
    }

    #[test]
    fn tokens_of_a_while_tell_their_end() {
        assert_eq!(end(&token(r#"{"exp": 1700000000}"#)), Some(1_700_000_000));
        assert_eq!(end(&token(r#"{"sub": "system:serviceaccount:a:b"}"#)), None);
        assert_eq!(end(&StoredUser::Token("opaque".into())), None);
    }

    #[test]
    fn certificates_tell_their_end() {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.not_after = date_time_ymd(2030, 1, 2);
        let certificate = parameters.self_signed(&key).unwrap().pem().into();
        let ends = end(&StoredUser::Certificate { certificate, key: "K".into() }).unwrap();
        assert_eq!(day(ends), "2030-01-02");
    }

    #[test]
    fn what_is_left_is_told_in_days_or_hours() {
        assert_eq!(left(0, 9 * DAY + 5), "9 days");
        assert_eq!(left(0, 2 * 3600 + 5), "2 hours");
    }

    #[test]
    fn what_a_member_signs_for_hours_is_refused_and_for_days_is_remarked() {
        let why = "it expires on 1970-01-01, in 60 minutes, and nobody renews what is stored";
        assert_eq!(super::lasting(0, 3600), Err(why.to_owned()));
        let remark = "expires on 1970-01-11, in 10 days, and nobody renews what is stored";
        assert_eq!(super::lasting(0, 10 * DAY), Ok(Some(remark.to_owned())));
        assert_eq!(super::lasting(0, super::SOON), Ok(None));
    }
}
