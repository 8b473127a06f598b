//! The host's jwtSecret, for those that share it, or why it is withheld.

use kubesphere::{command::Kubectl, jwt_secret::JwtSecret, kubesphere_config, missing_right};

use crate::{
    error::{Error, ErrorKind},
    live::{connection::Connection, secret_places::secret_places},
    output::{jwt_secrets::show_remarks, ui::Ui},
    plan::{
        observed::Seen,
        secret_places::{Place, SecretPlaces},
        secret_remarks::{of_shown, run_installer},
        shared_secret::{Withheld, revealed},
    },
};

/// The secret in effect on the host, and where it was seen; says what is odd about it.
pub(super) async fn host_secret(host: &Connection, ui: &Ui) -> Result<(SecretPlaces, JwtSecret), Error> {
    let places = secret_places(host).await?;
    let secret = revealed(&places).map_err(|why| match why {
        Withheld::Missing => unreadable(&places).unwrap_or_else(|| withheld(&places, why)),
        _ => withheld(&places, why),
    })?;
    show_remarks(ui, &of_shown(&places));
    Ok((places, secret))
}

/// What keeps kubesphere-config from being read.
pub(super) fn unreadable(places: &SecretPlaces) -> Option<Error> {
    let side = &places.side;
    let object = format!("configmaps/{} in {}", Place::Config.name(), Place::Config.namespace());
    match &places.config {
        Seen::Unreadable(why) => Some(
            Error::new(ErrorKind::Error, format!("{side}: get {object}: {why}"))
                .hint(missing_right::needed(None, "get", "configmaps"))
                .hint(missing_right::ROLES),
        ),
        Seen::Malformed(why) => Some(
            Error::new(ErrorKind::Error, format!("{side}: {object}: {why}"))
                .hint(format!("let the installer write it anew: `{}`", run_installer(side))),
        ),
        Seen::Present(_) | Seen::Absent => None,
    }
}

/// In the words of people.
pub(super) fn withheld(places: &SecretPlaces, why: Withheld) -> Error {
    let side = &places.side;
    let refused = |message: String| Error::new(ErrorKind::Obstacle, format!("{side}: {message}"));
    match why {
        Withheld::WithoutKubesphere => refused("KubeSphere is not installed".to_owned())
            .hint("name a host with KubeSphere with `--context NAME`"),
        Withheld::Member => refused("it is a member, and its jwtSecret may not be its host's".to_owned())
            .hint("name the context of its host instead"),
        Withheld::Missing => {
            let (key, name) = (places.key(), kubesphere_config::NAME);
            let error = refused(format!("it has no jwtSecret: {key} is missing in configmaps/{name}"));
            if places.is_version_4() {
                return error;
            }
            error.hint(format!("let the installer run to its end: `{}`", run_installer(side)))
        }
        Withheld::Unusable(why) => refused(format!("its jwtSecret cannot be shared: {why}")).hint(format!(
            "set spec.authentication.jwtSecret to letters and digits, which logs everybody out: `{}`",
            Kubectl::on(side)
                .namespace("kubesphere-system")
                .words("edit clusterconfigurations.installer.kubesphere.io ks-installer")
        )),
    }
}
