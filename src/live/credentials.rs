//! A context's credentials, with the files it names read.

use std::{io, path::Path};

use kube::config::AuthInfo;
use kubesphere::go_base64;
use secrecy::{ExposeSecret as _, SecretString};

use super::{local_file, selected_context::SelectedContext};
use crate::plan::member_kubeconfig::{Credentials, Material};

/// What shall be stored instead of the context's own address, with which this machine connects.
#[derive(Clone, Copy, Debug, Default)]
pub struct GivenAddress<'a> {
    /// `--member-server`
    pub server: Option<&'a str>,
    /// `--member-certificate-authority`
    pub certificate_authority: Option<&'a Path>,
}

/// What the context says about its cluster and user, with another address where that is given.
pub fn credentials(context: &SelectedContext, given: GivenAddress<'_>) -> Credentials {
    let (cluster, user) = (&context.cluster, &context.user);
    let key = user.client_key_data.as_ref().map(SecretString::expose_secret);
    Credentials {
        server: given
            .server
            .map_or_else(|| context.server.to_string().trim_end_matches('/').to_owned(), str::to_owned),
        certificate_authority: match given.certificate_authority {
            Some(path) => pem(None, Some(&path.to_string_lossy())),
            None => {
                pem(cluster.certificate_authority_data.as_deref(), cluster.certificate_authority.as_deref())
            }
        },
        client_certificate: pem(user.client_certificate_data.as_deref(), user.client_certificate.as_deref()),
        client_key: pem(key, user.client_key.as_deref()),
        token: token(user),
        has_password: user.username.is_some() || user.password.is_some(),
        exec: user.exec.as_ref().map(|exec| exec.command.clone().unwrap_or_default()),
        auth_provider: user.auth_provider.as_ref().map(|provider| provider.name.clone()),
        impersonates: user.impersonate.clone(),
        // Whether the authority vouches for the address is looked at before anything is stored.
        insecure: context.is_insecure() && given.certificate_authority.is_none(),
        // The name belongs to the context's address; another one is expected to be in the certificate itself.
        tls_server_name: cluster.tls_server_name.clone().filter(|_| given.server.is_none()),
        is_proxied: cluster.proxy_url.is_some(),
    }
}

/// A file that can be read wins over a token, as in client-go.
fn token(user: &AuthInfo) -> Material {
    let text = |path: &String| {
        let bytes = local_file::read(Path::new(path))?;
        String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text"))
    };
    let file = user.token_file.as_ref().map(|path| (path, text(path)));
    match (file, &user.token) {
        (Some((_, Ok(text))), _) if !text.trim().is_empty() => Material::Given(text.into()),
        (_, Some(token)) => Material::Given(token.clone()),
        (Some((path, Err(error))), None) => unreadable(path, &error),
        (Some((_, Ok(_))) | None, None) => Material::Absent,
    }
}

/// Data wins over a file, as in client-go. What stands around PEM may be anything.
fn pem(data: Option<&str>, path: Option<&str>) -> Material {
    let given = |data: Vec<u8>| Material::Given(String::from_utf8_lossy(&data).into_owned().into());
    match (data.map(go_base64::decoded), path.filter(|path| !path.is_empty())) {
        (Some(None), _) => Material::Unreadable {
            path: "the kubeconfig's data".into(),
            reason: "it is not base64".to_owned(),
        },
        (Some(Some(data)), _) if !data.is_empty() => given(data),
        (_, Some(path)) => {
            local_file::read(Path::new(path)).map_or_else(|error| unreadable(path, &error), given)
        }
        (_, None) => Material::Absent,
    }
}

fn unreadable(path: &str, error: &io::Error) -> Material {
    Material::Unreadable { path: Path::new(path).to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use kube::config::AuthInfo;

    use super::{Material, token};

    #[test]
    fn a_token_file_that_is_no_text_is_no_token() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let user = AuthInfo { token_file: Some(file.path().display().to_string()), ..AuthInfo::default() };
        fs::write(file.path(), "abc\n").unwrap();
        assert!(matches!(token(&user), Material::Given(_)));
        fs::write(file.path(), b"abc\xff").unwrap();
        assert!(matches!(token(&user), Material::Unreadable { .. }));
    }
}
