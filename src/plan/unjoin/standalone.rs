//! A former member as a cluster of its own: the role none, and a secret that no host knows.

use kubesphere::{
    cluster_configuration::ClusterConfiguration,
    jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig,
    readiness::{Evidence, Progress},
    role::Role,
    versions::Version,
};

use crate::plan::{
    configuration_patch::{ConfigurationPatch, Wanted},
    needs::{ConfigurationNeed, Unplannable, effect, without_patch},
    observed::Observed,
    rotation::Secrets,
};

/// What a member's configuration needs to be a cluster of its own. Whatever it has asked for in an earlier run of the
/// same command is as good: a second one asks for nothing else.
pub fn standalone_need(member: &Observed, secrets: &Secrets) -> Result<ConfigurationNeed, Unplannable> {
    let configuration = member.configuration.present().ok_or(Unplannable::NotObserved)?;
    let progress = standalone_progress(member, &secrets.former);
    if !is_bound(configuration, member, &secrets.former) {
        return Ok(without_patch(&progress, &member.run));
    }
    let wanted =
        Wanted { role: Role::None, host_cluster_name: None, jwt_secret: Some(secrets.fresh.clone()) };
    let patch = ConfigurationPatch::between(configuration, &wanted)
        .map_err(|error| Unplannable::Malformed { side: member.side.clone(), error })?;
    Ok(patch.map_or_else(|| without_patch(&progress, &member.run), ConfigurationNeed::Patch))
}

/// Whether the configuration asks for the role member, or for the host's secret, or keeps that by asking for none.
fn is_bound(configuration: &ClusterConfiguration, member: &Observed, former: &JwtSecret) -> bool {
    let asked = configuration.jwt_secret();
    let secret = asked.as_ref().or_else(|| member.effective_secret());
    configuration.role() == Role::Member || secret == Some(former)
}

/// How far a former member is a cluster of its own.
pub fn standalone_progress(member: &Observed, former: &JwtSecret) -> Progress {
    standalone(effect(member), former).into()
}

fn standalone(effect: Evidence<'_>, former: &JwtSecret) -> Result<(), Progress> {
    let pending = |missing: &str| Err(Progress::Pending(missing.to_owned()));
    let Some(config) = effect.config else { return pending("kubesphere-config is missing") };
    let asked = effect.configuration.and_then(ClusterConfiguration::jwt_secret);
    if config.jwt_secret.as_ref() == Some(former) {
        return pending("kubesphere-config still carries the host's jwtSecret");
    }
    if asked.is_some() && config.jwt_secret != asked {
        return pending("kubesphere-config does not carry the new jwtSecret yet");
    }
    if shows_member(effect, config) {
        pending("kubesphere-config still carries the role member")
    } else {
        Ok(())
    }
}

/// Where the configuration names no role, only tokens that never age show a member's, unless somebody asks for these.
fn shows_member(effect: Evidence<'_>, config: &KubesphereConfig) -> bool {
    let names_role = effect.version.map(Version::differences).is_none_or(|version| version.config_names_role);
    let asks_ageless = effect.configuration.is_some_and(ClusterConfiguration::oauth_options_never_age);
    if names_role { config.role == Some(Role::Member) } else { config.tokens_never_age && !asks_ageless }
}

#[cfg(test)]
mod tests {
    use kubesphere::{
        cluster_configuration::ClusterConfiguration, jwt_secret::JwtSecret,
        kubesphere_config::KubesphereConfig,
    };
    use serde_json::{Value, json};

    use super::standalone_need;
    use crate::plan::{
        needs::ConfigurationNeed,
        observed::{InstallerRun, Observed, Seen, fixture},
        rotation::Secrets,
    };

    fn member(version: &str, spec: &Value, config: &str) -> Observed {
        let object = json!({"metadata": {"resourceVersion": "7"}, "spec": spec, "status": {"core": {"version": version}}});
        let mut observed = fixture("v1.27.4");
        observed.configuration = Seen::Present(ClusterConfiguration::new(object));
        observed.config = Seen::Present(KubesphereConfig::parse(config).unwrap());
        observed
    }

    fn step(observed: &Observed) -> ConfigurationNeed {
        let (former, fresh) = (JwtSecret::new("hosts"), JwtSecret::new("fresh"));
        standalone_need(observed, &Secrets { former, fresh }).unwrap()
    }

    fn spec(role: &str, secret: &str) -> Value {
        json!({"authentication": {"jwtSecret": secret}, "multicluster": {"clusterRole": role}})
    }

    const JOINED: &str = "{authentication: {jwtSecret: hosts}, multicluster: {clusterRole: member}}";
    const ALONE: &str = "{authentication: {jwtSecret: other}, multicluster: {clusterRole: none}}";

    #[test]
    fn role_and_secret_change_in_one_patch_that_holds_no_old_secret() {
        let ConfigurationNeed::Patch(patch) = step(&member("v3.4.1", &spec("member", "hosts"), JOINED))
        else {
            panic!("no patch")
        };
        assert_eq!(
            patch.document(),
            json!([
                {"op": "test", "path": "/spec/multicluster/clusterRole", "value": "member"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "replace", "path": "/spec/authentication/jwtSecret", "value": "fresh"},
                {"op": "replace", "path": "/spec/multicluster/clusterRole", "value": "none"},
            ])
        );
    }

    #[test]
    fn a_second_run_asks_for_nothing_else() {
        assert_eq!(step(&member("v3.4.1", &spec("none", "other"), ALONE)), ConfigurationNeed::InEffect);
        let mut under_way = member("v3.4.1", &spec("none", "other"), JOINED);
        assert_eq!(step(&under_way), ConfigurationNeed::Restart, "a run has failed half-way");
        under_way.run = InstallerRun::UnderWay("starting".to_owned());
        assert_eq!(step(&under_way), ConfigurationNeed::Await);
    }

    #[test]
    fn no_secret_keeps_the_one_in_effect_so_it_is_replaced() {
        let kept = member("v3.4.1", &spec("none", ""), JOINED);
        assert!(matches!(step(&kept), ConfigurationNeed::Patch(_)));
        assert_eq!(step(&member("v3.4.1", &spec("none", ""), ALONE)), ConfigurationNeed::InEffect);
        assert_eq!(step(&member("v3.4.1", &json!({}), ALONE)), ConfigurationNeed::InEffect);
    }

    #[test]
    fn before_3_3_tokens_that_age_again_show_the_effect() {
        let ageless = "{authentication: {jwtSecret: other, oauthOptions: {accessTokenMaxAge: 0}}}";
        assert_eq!(step(&member("v3.2.1", &spec("none", "other"), ageless)), ConfigurationNeed::Restart);
        let aging = "{authentication: {jwtSecret: other, oauthOptions: {accessTokenMaxAge: 2h}}}";
        assert_eq!(step(&member("v3.1.1", &spec("none", "other"), aging)), ConfigurationNeed::InEffect);
        let mut asked = spec("none", "other");
        asked["authentication"]["oauthOptions"] = json!({"accessTokenMaxAge": 0});
        assert_eq!(step(&member("v3.2.1", &asked, ageless)), ConfigurationNeed::InEffect);
    }
}
