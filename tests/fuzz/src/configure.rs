use config_file::configuration_file::ConfigurationFile;
use kubesphere::configuration_patch::Wanted;
use kubesphere::jwt_secret::JwtSecret;
use kubesphere::role::Role;

pub(super) const WORDS: &[&str] = &[
    "apiVersion: installer.kubesphere.io/v1alpha1\n",
    "kind: ClusterConfiguration\n",
    "kind: List\n",
    "items:\n",
    "spec:\n",
    "  multicluster:\n",
    "    clusterRole: none\n",
    "    hostClusterName: eu\n",
    "  authentication:\n",
    "    jwtSecret: \"\"\n",
    "{clusterRole: none}",
    "sops:\n",
];

const SECRET: &str = "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU";

/// What can be edited is as it was wanted then, a second edit changes nothing, and the secret is not shown.
pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(file) = ConfigurationFile::parse(text) else { return };
    let secret = JwtSecret::new(SECRET);
    let host_cluster_name = text.len().is_multiple_of(2).then(|| "eu".to_owned());
    for wanted in [
        Wanted { role: Role::Host, host_cluster_name, jwt_secret: None },
        Wanted { role: Role::Member, host_cluster_name: None, jwt_secret: Some(secret.clone()) },
    ] {
        file.advice(&wanted);
        let Ok(edited) = file.edit(&wanted) else { continue };
        let again = ConfigurationFile::parse(&edited).expect("what was edited is a configuration file");
        assert_eq!(
            again.edit(&wanted).expect("it can be edited again"),
            edited,
            "a second edit changes something"
        );
        if wanted.jwt_secret.is_some() {
            assert!(
                again.jwt_secret().as_ref().map(JwtSecret::expose) == Some(SECRET),
                "the secret is another one"
            );
        }
        let shown = again.shown(&[&secret]);
        assert!(!shown.contains(SECRET), "the secret is shown");
        assert_eq!(shown.matches('\n').count(), edited.matches('\n').count(), "a line is lost");
    }
}
