use std::fs;

use kube::config::NamedExtension;
use tempfile::TempDir;

use super::*;

/// A plugin that runs `script`.
fn plugin(script: &str) -> ExecConfig {
    ExecConfig {
        api_version: Some(VERSION_1.to_owned()),
        command: Some("sh".to_owned()),
        args: Some(vec!["-c".to_owned(), script.to_owned()]),
        interactive_mode: Some(ExecInteractiveMode::Never),
        ..ExecConfig::default()
    }
}

fn output(status: &str) -> String {
    format!("{{\"apiVersion\": \"{VERSION_1}\", \"kind\": \"ExecCredential\", \"status\": {status}}}")
}

async fn run(config: &ExecConfig) -> Result<ExecCredential, ExecError> {
    ExecPlugin::new(config, &Cluster::default(), false)?.run().await
}

async fn printing(text: &str) -> Result<ExecCredential, ExecError> {
    run(&plugin(&format!("cat <<'END'\n{text}\nEND"))).await
}

#[tokio::test]
async fn tokens_and_certificates_are_read_from_json_and_yaml() {
    let token = output(r#"{"token": "t0ken", "expirationTimestamp": "2030-01-02T03:04:05Z"}"#);
    let credential = printing(&token).await.unwrap();
    assert_eq!(credential.token.unwrap().expose_secret(), "t0ken");
    assert_eq!(credential.expires.unwrap().to_string(), "2030-01-02T03:04:05Z");
    let yaml = format!("apiVersion: {VERSION_1}\nkind: ExecCredential\nstatus:\n  token: t0ken\n");
    assert!(printing(&yaml).await.unwrap().expires.is_none());
    let both = output(r#"{"token": "t", "clientCertificateData": "c", "clientKeyData": "k"}"#);
    let credential = printing(&both).await.unwrap();
    assert!(credential.token.is_some() && credential.identity.is_some());
}

#[tokio::test]
async fn output_that_is_no_credential_is_refused_without_being_shown() {
    let version = output(r#"{"token": "hunter22"}"#).replace("/v1\"", "/v1beta1\"");
    for (text, problem) in [
        ("hunter22".to_owned(), "not an ExecCredential"),
        (version, "of another apiVersion"),
        (output("null"), "without a status"),
        (output("{}"), "without a token or a certificate"),
        (output(r#"{"clientKeyData": "hunter22"}"#), "only one of certificate and key"),
        (output(r#"{"token": ["hunter22"]}"#), "not an ExecCredential"),
    ] {
        let error = printing(&text).await.unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert!(!format!("{error}{error:?}").contains("hunter22"));
    }
}

#[tokio::test]
async fn a_missing_executable_is_named_with_its_install_hint() {
    let config = ExecConfig {
        command: Some("kubectl-mc-no-such-plugin".to_owned()),
        install_hint: Some("brew install it\n".to_owned()),
        ..plugin("")
    };
    let error = run(&config).await.unwrap_err();
    assert_eq!(error.to_string(), "exec: executable kubectl-mc-no-such-plugin not found");
    assert_eq!(error.hints(), ["brew install it"]);
}

#[tokio::test]
async fn a_plugin_that_fails_or_hangs_is_named() {
    let error = run(&plugin("exit 3")).await.unwrap_err();
    assert_eq!(error.to_string(), "exec: executable sh failed with exit status: 3");
    let mut hanging = ExecPlugin::new(&plugin("exec sleep 30"), &Cluster::default(), false).unwrap();
    hanging.time_limit = Duration::from_millis(50);
    let error = hanging.run().await.unwrap_err();
    assert!(matches!(error, ExecError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn the_plugin_is_told_the_cluster_and_its_variables() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("information");
    let variable =
        [("name", "ANSWER"), ("value", "42")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = ExecConfig {
        provide_cluster_info: true,
        env: Some(vec![variable.into()]),
        ..plugin(&format!(
            "printf %s \"$KUBERNETES_EXEC_INFO\" > {}; cat >&2; cat <<END\n{}\nEND",
            path.display(),
            output(r#"{"token": "t$ANSWER"}"#)
        ))
    };
    let cluster = Cluster {
        server: Some("https://edge:6443".to_owned()),
        certificate_authority_data: Some("Y2E=".to_owned()),
        extensions: Some(vec![NamedExtension {
            name: "client.authentication.k8s.io/exec".to_owned(),
            extension: json!({"audience": "edge"}),
        }]),
        ..Cluster::default()
    };
    let credential = ExecPlugin::new(&config, &cluster, false).unwrap().run().await.unwrap();
    assert_eq!(credential.token.unwrap().expose_secret(), "t42");
    let information: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(information["apiVersion"], VERSION_1);
    assert_eq!(information["spec"]["interactive"], false);
    assert_eq!(information["spec"]["cluster"]["server"], "https://edge:6443");
    assert_eq!(information["spec"]["cluster"]["config"]["audience"], "edge");
    assert!(information["spec"]["cluster"]["certificate-authority-data"].is_string());
}

#[test]
fn interactivity_follows_kubectl() {
    let interactive = |mode, version: &str, terminal| {
        let config = ExecConfig { interactive_mode: mode, api_version: Some(version.into()), ..plugin("") };
        ExecPlugin::new(&config, &Cluster::default(), terminal).map(|plugin| plugin.interactive)
    };
    assert!(!interactive(Some(ExecInteractiveMode::Never), VERSION_1, true).unwrap());
    assert!(interactive(Some(ExecInteractiveMode::IfAvailable), VERSION_1, true).unwrap());
    assert!(!interactive(Some(ExecInteractiveMode::IfAvailable), VERSION_1, false).unwrap());
    assert!(interactive(Some(ExecInteractiveMode::Always), VERSION_1, true).unwrap());
    let error = interactive(Some(ExecInteractiveMode::Always), VERSION_1, false).unwrap_err();
    assert!(error.to_string().ends_with("standard input is not a terminal"), "{error}");
    assert!(interactive(None, VERSION_1_BETA_1, true).unwrap());
    let error = interactive(None, VERSION_1, true).unwrap_err();
    assert_eq!(error.to_string(), "exec: interactiveMode must be specified for sh");
    let error = interactive(None, "client.authentication.k8s.io/v1alpha1", true).unwrap_err();
    assert!(error.to_string().contains("invalid apiVersion \"client.authentication.k8s.io/v1alpha1\""));
}
