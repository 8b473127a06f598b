use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use kubesphere::command::{Kubectl, Mc, helm};

fn kubeconfig() -> Kubeconfig {
    Kubeconfig::parse(
        b"current-context: prod\n\
         clusters:\n\
         - name: prod\n  cluster: {server: 'https://prod:6443', certificate-authority-data: Y2E=, tls-server-name: prod}\n\
         - name: bare\n  cluster: {server: '127.0.0.1:8080'}\n\
         - name: none\n  cluster: {}\n\
         users:\n\
         - name: admin\n  user: {client-certificate-data: Yw==, client-key-data: aw==}\n\
         - name: cloud\n  user: {exec: {command: aws}, username: u, password: p}\n\
         contexts:\n\
         - name: prod\n  context: {cluster: prod, user: admin, namespace: team}\n\
         - name: edge-1\n  context: {cluster: bare, user: cloud}\n\
         - name: nobody\n  context: {cluster: bare, user: ''}\n\
         - name: no-cluster\n  context: {cluster: gone, user: admin}\n\
         - name: no-user\n  context: {cluster: prod, user: gone}\n\
         - name: no-server\n  context: {cluster: none, user: admin}\n",
    )
    .unwrap()
}

#[test]
fn a_token_and_a_username_are_one_too_many() {
    let text = "contexts: [{name: a, context: {cluster: a, user: a}}]\n\
                clusters: [{name: a, cluster: {server: a}}]\nusers: [{name: a, user: {token: t, username: u}}]\n";
    let kubeconfig = Kubeconfig::parse(text.as_bytes()).unwrap();
    let error = select(&kubeconfig, Side::member, &named("a")).unwrap_err();
    assert!(matches!(error, KubeconfigError::TokenAndPassword { .. }), "{error}");
    let given = ConnectionOptions { token: Some("t".into()), ..named("a") };
    assert!(select(&kubeconfig, Side::member, &given).is_ok());
}

fn named(context: &str) -> ConnectionOptions {
    ConnectionOptions { context: Some(context.to_owned()), ..ConnectionOptions::default() }
}

fn selected(options: &ConnectionOptions) -> Result<SelectedContext, KubeconfigError> {
    select(&kubeconfig(), Side::member, options)
}

#[test]
fn the_current_context_is_the_default() {
    let context = select(&kubeconfig(), Side::host, &ConnectionOptions::default()).unwrap();
    assert_eq!(context.side, Side::host("prod"));
    assert_eq!((context.cluster_name.as_str(), context.user_name.as_deref()), ("prod", Some("admin")));
    assert_eq!(context.namespace.as_deref(), Some("team"));
    assert_eq!(context.cluster.server.as_deref(), Some("https://prod:6443"));
    let mut none = kubeconfig();
    none.current_context = None;
    let error = select(&none, Side::host, &ConnectionOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "current-context is not set");
    assert!(error.hints(None)[1].contains("prod, edge-1"));
}

#[test]
fn an_unknown_context_is_answered_with_the_similar_one() {
    let error = selected(&named("edge1")).unwrap_err();
    assert_eq!(error.to_string(), "no context exists with the name \"edge1\"");
    assert_eq!(error.hints(None)[0], "did you mean \"edge-1\"?");
    assert!(error.hints(None)[1].starts_with("the contexts are: prod, edge-1"));
    assert_eq!(selected(&named("zzzzz")).unwrap_err().hints(None).len(), 1);
}

#[test]
fn dangling_names_are_errors() {
    for (context, message) in [
        ("no-cluster", "context \"no-cluster\" refers to cluster \"gone\", which does not exist"),
        ("no-user", "context \"no-user\" refers to user \"gone\", which does not exist"),
        ("no-server", "cluster \"none\" has no server"),
    ] {
        assert_eq!(selected(&named(context)).unwrap_err().to_string(), message);
    }
    assert_eq!(selected(&named("nobody")).unwrap().user_name, None);
    let with_token = ConnectionOptions { token: Some("t".into()), ..named("no-user") };
    assert!(selected(&with_token).is_ok());
}

#[test]
fn a_server_without_scheme_gets_one() {
    assert_eq!(selected(&named("edge-1")).unwrap().server, "http://127.0.0.1:8080/");
    let insecure = ConnectionOptions { insecure_skip_tls_verify: true, ..named("edge-1") };
    assert_eq!(selected(&insecure).unwrap().server, "https://127.0.0.1:8080/");
    let odd = ConnectionOptions { server: Some("https://u:hunter22@edge:1".into()), ..named("edge-1") };
    let error = selected(&odd).unwrap_err().to_string();
    assert!(error.contains("\"edge:1\" is not a server's address"), "{error}");
}

#[test]
fn a_server_of_its_own_needs_no_context() {
    let options = ConnectionOptions {
        server: Some("https://edge:6443".into()),
        token: Some("t".into()),
        ..ConnectionOptions::default()
    };
    let context = select(&Kubeconfig::default(), Side::host, &options).unwrap();
    assert_eq!(context.name, "https://edge:6443");
    assert_eq!(context.user.token.unwrap().expose_secret(), "t");
}

#[test]
fn cluster_options_replace_what_they_contradict() {
    let insecure = ConnectionOptions { insecure_skip_tls_verify: true, ..named("prod") };
    let context = selected(&insecure).unwrap();
    assert!(context.is_insecure());
    assert_eq!(context.cluster.certificate_authority_data, None);
    let authority = ConnectionOptions { certificate_authority: Some("/ca.crt".into()), ..named("prod") };
    let context = selected(&authority).unwrap();
    assert_eq!(context.cluster.certificate_authority_data, None);
    assert_eq!(context.cluster.certificate_authority.as_deref(), Some("/ca.crt"));
    let both = ConnectionOptions { insecure_skip_tls_verify: true, ..authority };
    assert!(matches!(selected(&both), Err(KubeconfigError::InsecureWithAuthority)));
    let server = ConnectionOptions { server: Some("https://other".into()), ..named("prod") };
    let context = selected(&server).unwrap();
    assert_eq!(context.cluster.tls_server_name, None, "the name belonged to the other server");
    assert_eq!(context.server, "https://other/");
}

#[test]
fn user_options_replace_what_they_contradict() {
    let token = ConnectionOptions { token: Some(SecretString::from("t")), ..named("edge-1") };
    let user = selected(&token).unwrap().user;
    assert!(user.exec.is_none() && user.username.is_none());
    let certificate = ConnectionOptions {
        client_certificate: Some("/c.crt".into()),
        client_key: Some("/c.key".into()),
        ..named("prod")
    };
    let user = selected(&certificate).unwrap().user;
    assert!(user.client_certificate_data.is_none() && user.client_key_data.is_none());
    assert_eq!(user.client_key.as_deref(), Some("/c.key"));
}

#[test]
fn whoever_is_impersonated_is_so_whole_and_not_without_a_name() {
    let extra = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let groups = ConnectionOptions { impersonate_groups: vec!["g".into()], ..named("prod") };
    let uid = ConnectionOptions { impersonate_uid: Some("42".into()), ..named("prod") };
    let extras = vec![extra("scopes", "a"), extra("scopes", "b"), extra("team", "c")];
    let extra = ConnectionOptions { impersonate_user_extra: extras.clone(), ..named("prod") };
    for options in [&groups, &uid, &extra] {
        assert!(matches!(selected(options), Err(KubeconfigError::ImpersonationWithoutUser)));
    }
    let all = ConnectionOptions {
        impersonate: Some("jane".into()),
        impersonate_uid: Some("42".into()),
        impersonate_user_extra: extras,
        ..groups
    };
    let user = selected(&all).unwrap().user;
    assert_eq!((user.impersonate.as_deref(), user.impersonate_uid.as_deref()), (Some("jane"), Some("42")));
    assert_eq!(user.impersonate_groups.unwrap(), ["g"]);
    let extra = user.impersonate_user_extra.unwrap();
    assert_eq!(
        (&extra["scopes"][..], &extra["team"][..]),
        (&["a".into(), "b".into()][..], &["c".into()][..])
    );
}

#[test]
fn commands_name_the_file_in_which_the_cluster_stands() {
    let host = ConnectionOptions { kubeconfig: Some("my file".into()), ..named("prod") };
    let host = select(&kubeconfig(), Side::host, &host).unwrap().side;
    let own = ConnectionOptions { kubeconfig: Some("edge.yaml".into()), ..named("edge-1") };
    let own = selected(&own).unwrap().side;
    let inherited = ConnectionOptions {
        kubeconfig: Some("my file".into()),
        kubeconfig_is_hosts: true,
        ..named("edge-1")
    };
    let inherited = selected(&inherited).unwrap().side;
    let plain = selected(&named("edge-1")).unwrap().side;
    for (side, kubectl) in [
        (&host, "kubectl --kubeconfig 'my file' --context prod"),
        (&own, "kubectl --kubeconfig edge.yaml --context edge-1"),
        (&inherited, "kubectl --kubeconfig 'my file' --context edge-1"),
        (&plain, "kubectl --context edge-1"),
    ] {
        assert_eq!(Kubectl::on(side).to_string(), kubectl);
    }
    for (member, options) in [
        (&own, "--member-kubeconfig edge.yaml --kubeconfig 'my file' --context prod"),
        (&inherited, "--kubeconfig 'my file' --context prod"),
        (&plain, "--kubeconfig 'my file' --context prod"),
    ] {
        let join = Mc::new("join").member(member).host(&host);
        assert_eq!(join.to_string(), format!("kubectl mc join edge-1 {options}"));
    }
}

#[test]
fn no_command_names_a_token() {
    let options = ConnectionOptions {
        token: Some("hunter22".into()),
        user: Some("admin".into()),
        server: Some("https://other".into()),
        impersonate: Some("jane".into()),
        impersonate_groups: vec!["a".into(), "b".into()],
        ..named("prod")
    };
    let host = select(&kubeconfig(), Side::host, &options).unwrap().side;
    let member = selected(&options).unwrap().side;
    let host_words = "--context prod --user admin --server https://other --as jane --as-group a --as-group b";
    assert_eq!(Kubectl::on(&host).to_string(), format!("kubectl {host_words}"));
    assert_eq!(Kubectl::on(&member).to_string(), format!("kubectl {host_words}"));
    let unjoin = Mc::new("unjoin").host(&host).member_context(&member).to_string();
    let member_words = "--member-context prod --member-user admin --member-server https://other";
    assert_eq!(unjoin, format!("kubectl mc unjoin {host_words} {member_words}"));
    for shown in [format!("{host:?}"), format!("{member:?}"), helm(&host)] {
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}

#[test]
fn a_server_of_its_own_is_named_by_commands_in_place_of_a_context() {
    let options =
        ConnectionOptions { server: Some("https://edge:6443".into()), ..ConnectionOptions::default() };
    let host = select(&Kubeconfig::default(), Side::host, &options).unwrap().side;
    assert_eq!(Kubectl::on(&host).to_string(), "kubectl --server https://edge:6443");
}

#[test]
fn what_is_to_be_mended_is_named_with_its_file() {
    let hint = |options: &ConnectionOptions| selected(options).unwrap_err().hints(None).remove(0);
    assert_eq!(
        hint(&named("no-user")),
        "complete it with `kubectl config`, or name another context; `kubectl config view` shows all"
    );
    let file = ConnectionOptions { kubeconfig: Some("my file".into()), ..named("no-server") };
    assert_eq!(
        hint(&file),
        "complete it with `kubectl --kubeconfig 'my file' config`, or name another context; \
         `kubectl --kubeconfig 'my file' config view` shows all"
    );
}
