//! ks-apiserver of 4, as far as it answers without a login: a Service proxy sends none.
//!
//! Source: kubesphere `pkg/apiserver/apiserver.go@v4.1.3:264-300`, `pkg/kapis/version/register.go@v4.1.3`.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    kubesphere::Version,
    serve::{self, Body},
};

/// Its answer to a `GET` of this path.
pub(in crate::kubesphere) fn answer(version: Version, path: &str) -> Response<Body> {
    match path {
        "/version" => serve::json(StatusCode::OK, &told(version)),
        "/kapis/version" if version.tells_everybody_its_version() => {
            serve::json(StatusCode::OK, &told(version))
        }
        "/healthz" | "/livez" => serve::text(StatusCode::OK, "ok"),
        _ => serve::json(StatusCode::FORBIDDEN, &forbidden(path)),
    }
}

/// Source: kubesphere `pkg/version/version.go@v4.1.3`.
fn told(version: Version) -> Value {
    json!({
        "gitVersion": version.release(), "gitMajor": "4", "gitMinor": "1", "gitTreeState": "clean",
        "gitCommit": "0000000000000000000000000000000000000000", "buildDate": "2025-03-28T08:19:59Z",
        "goVersion": "go1.22.12", "compiler": "gc", "platform": "linux/amd64",
        "kubernetes": {"major": "1", "minor": "34", "gitVersion": "v1.34.3"},
    })
}

/// Who says nothing is known as anonymous and then lacks the right: 403, not 401.
///
/// Source: kubesphere `pkg/apiserver/filters/authorization.go@v4.1.3`.
fn forbidden(path: &str) -> Value {
    let message = format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\"");
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
           "reason": "Forbidden", "details": {}, "code": 403})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_path_is_answered_by_every_version() {
        let status = |version, path: &str| answer(version, path).status();
        for version in Version::PLAYED_OF_4 {
            assert_eq!(status(version, "/version"), StatusCode::OK);
            assert_eq!(status(version, &format!("/{}", version.version_path())), StatusCode::OK);
            let configz = "/kapis/config.kubesphere.io/v1alpha2/configs/configz";
            assert_eq!(status(version, configz), StatusCode::FORBIDDEN);
        }
        assert_eq!(status(Version::V4_1_1, "/kapis/version"), StatusCode::OK);
        assert_eq!(status(Version::V4_1_3, "/kapis/version"), StatusCode::FORBIDDEN);
    }
}
