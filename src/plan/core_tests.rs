use jiff::{SignedDuration, Timestamp};
use kubesphere::{jwt_secret::JwtSecret, kubesphere_config::KubesphereConfig, side::Side};

use super::{Claim, Core, CoreRelease, HostIdentity, OnMember};
use crate::plan::observed::Seen;

const SECRET: &str = "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU";

fn release(status: &str, minutes: i64) -> (CoreRelease, Timestamp) {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
    let since = Some(now - SignedDuration::from_mins(minutes));
    (CoreRelease { revision: 2, status: status.to_owned(), since, began: since }, now)
}

#[test]
fn a_release_is_abandoned_when_no_helm_can_be_at_work_on_it() {
    let abandoned = |status, minutes| {
        let (release, now) = release(status, minutes);
        release.is_abandoned(now)
    };
    assert!(abandoned("pending-install", 16) && abandoned("pending-upgrade", 60));
    assert!(!abandoned("pending-install", 9) && !abandoned("deployed", 60) && !abandoned("failed", 60));
    let orphaned = |status, minutes| {
        let (release, now) = release(status, minutes);
        release.is_orphaned(now - SignedDuration::from_mins(2))
    };
    assert!(orphaned("pending-install", 3) && !orphaned("pending-install", 2) && !orphaned("failed", 3));
    assert_eq!(
        release("pending-install", 16).0.removal(&Side::member("edge-1")).to_string(),
        "kubectl --context edge-1 -n kubesphere-system delete secret sh.helm.release.v1.ks-core.v2"
    );
}

fn config(secret: &str) -> Seen<KubesphereConfig> {
    let text = format!("authentication: {{issuer: {{jwtSecret: {secret}}}}}");
    Seen::Present(KubesphereConfig::parse(&text).unwrap())
}

fn claimed(name: &str, host: &str) -> Core {
    let claim = Seen::Present(Claim { name: name.to_owned(), host: host.to_owned() });
    Core { claim, release: Seen::Absent }
}

#[test]
fn a_member_is_the_hosts_when_it_says_so_itself() {
    let host = HostIdentity { name: "host".to_owned(), secret: JwtSecret::new(SECRET), version: None };
    let missing = |config: &Seen<KubesphereConfig>, answer: &Seen<String>, core: &Core| {
        OnMember { config, core: Some(core), answer: Some(answer) }.missing("m1", &host)
    };
    let (answer, ours) = (Seen::Present("v4.1.3".to_owned()), claimed("m1", "host"));
    let said = |what: Option<String>| what.unwrap_or_default();
    assert_eq!(missing(&config(SECRET), &answer, &ours), None);
    let other = "x7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0SgA";
    assert!(said(missing(&config(other), &answer, &ours)).contains("the host's jwtSecret"));
    assert!(said(missing(&Seen::Absent, &answer, &ours)).contains("kubesphere-config is missing"));
    let silent = Seen::Malformed("no endpoints available".to_owned());
    assert!(said(missing(&config(SECRET), &silent, &ours)).ends_with("no endpoints available"));
    for core in [claimed("m2", "host"), claimed("m1", "other"), Core { claim: Seen::Absent, ..ours.clone() }]
    {
        assert!(said(missing(&config(SECRET), &answer, &core)).contains("not annotated with its host"));
    }
    let unread = Seen::Unreadable("forbidden".to_owned());
    let untold = Core { claim: Seen::Unreadable("forbidden".to_owned()), ..ours };
    assert_eq!(missing(&unread_config(), &unread, &untold), None, "what may not be read is not missing");
}

fn unread_config() -> Seen<KubesphereConfig> {
    Seen::Unreadable("forbidden".to_owned())
}
