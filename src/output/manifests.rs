//! What `--manifests-to` writes: a file for each object and patch, and a README with the order.

use std::path::Path;

use kubesphere::{
    cluster::ConditionType,
    cluster_configuration::{NAME, NAMESPACE},
    command::{Kubectl, Mc},
    object::ObjectKind,
    readiness::INSTALLED,
};

use super::{
    clusters,
    line::Line,
    plan::{change, sentence},
    ui::Ui,
    words::VERSION,
};
use crate::{
    error::{Error, ErrorKind},
    plan::{
        credential::CredentialKind,
        manifest::{Form, Manifest, Written, waits_for},
        needs::ConfigurationNeed,
        observed::Observed,
        operation::Operation,
        step::Step,
        steps::register::Register,
    },
};

pub const README: &str = "README.md";
/// How the README begins: by this a later run knows its own directory.
pub const MARK: &str = "<!-- written by kubectl mc with --manifests-to -->";

pub fn is_readme(text: &str) -> bool {
    text.starts_with(MARK)
}

/// Whether a file is named as manifests are: `01-….yaml`.
pub fn is_manifest(name: &str) -> bool {
    let number = name.split('-').next().unwrap_or_default();
    let is_numbered = number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    let suffix = Path::new(name).extension().and_then(|suffix| suffix.to_str());
    is_numbered && matches!(suffix, Some("yaml" | "json"))
}

/// A file. Its text may hold secrets.
pub struct ManifestFile {
    pub name: String,
    pub text: String,
}

/// What is written, and for whom.
pub struct Manifests<'a> {
    pub operation: Operation,
    pub observed: Vec<&'a Observed>,
    pub written: Vec<Written>,
    /// As it was given.
    pub directory: &'a Path,
    /// The command that was typed.
    pub command: String,
}

/// A manifest and the name of its file.
pub struct Named<'a> {
    pub manifest: &'a Manifest,
    pub file: String,
    /// The index of the step that would send it.
    step: usize,
}

impl Manifests<'_> {
    /// In the order in which they are applied.
    pub fn named(&self) -> impl Iterator<Item = Named<'_>> {
        let manifests = self
            .written
            .iter()
            .enumerate()
            .flat_map(|(step, written)| written.manifests.iter().map(move |manifest| (step, manifest)));
        manifests.enumerate().map(|(index, (step, manifest))| Named {
            manifest,
            file: name(index + 1, manifest),
            step,
        })
    }

    fn hold_secrets(&self) -> bool {
        self.written.iter().any(Written::holds_secret)
    }

    /// As a person types it.
    pub(super) fn path(&self, name: &str) -> String {
        self.directory.join(name).to_string_lossy().into_owned()
    }

    /// Every file, the README first.
    pub fn files(&self) -> Result<Vec<ManifestFile>, Error> {
        let readme = ManifestFile { name: README.to_owned(), text: self.readme() };
        let of_manifest =
            |named: Named<'_>| Ok(ManifestFile { text: text(named.manifest)?, name: named.file });
        std::iter::once(Ok(readme)).chain(self.named().map(of_manifest)).collect()
    }

    fn readme(&self) -> String {
        let table = Line::joined(clusters::table(self.observed.iter().copied()), "\n");
        let mut sections = vec![format!(
            "{MARK}\n# Manifests of a {noun}\n\n\
             {VERSION} wrote these files and changed nothing. Run the commands below in their order, in the directory in \
             which it ran. A step waits until the ones that it names have taken effect.\n\n\
             {secrets}A patch is refused where a value that it replaces has changed since; then write the files \
             again:\n\n```sh\n{}\n```\n\n```\n{table}\n```\n",
            self.command,
            noun = self.operation.noun(),
            secrets = if self.hold_secrets() {
                "**The files hold secrets** (the host's jwtSecret, credentials): keep them from others, and delete them \
                 when they are applied. "
            } else {
                ""
            },
        )];
        sections.extend((0..self.written.len()).map(|index| self.section(index)));
        sections.join("\n")
    }

    fn section(&self, index: usize) -> String {
        let Written { step, manifests, .. } = &self.written[index];
        let is_known = !manifests.is_empty();
        let heading =
            Line::from(format!("## {}. {}: {}", index + 1, step.cluster(), sentence(step))).to_string();
        let changes = step.changes().iter().map(|each| format!("- `{}`", Line::from(change(step, each))));
        let named = self.named().filter(|named| named.step == index);
        let commands = named.map(|named| self.apply(named.manifest, &named.file));
        let commands: Vec<String> = commands.chain(further(step, is_known)).collect();
        let commands = (!commands.is_empty()).then(|| format!("```sh\n{}\n```", commands.join("\n")));
        let waits = waits_for(&self.written, index);
        let waits = waits.iter().map(|before| format!("step {}", before + 1)).collect::<Vec<_>>();
        let parts = [
            Some(heading),
            (!waits.is_empty()).then(|| format!("Waits for {}.", waits.join(" and "))),
            Some(changes.collect::<Vec<_>>().join("\n")).filter(|changes| !changes.is_empty()),
            commands,
            remark(step, is_known),
        ];
        parts.into_iter().flatten().map(|part| part + "\n").collect::<Vec<_>>().join("\n")
    }

    fn apply(&self, manifest: &Manifest, name: &str) -> String {
        let (object, path) = (&manifest.object, self.path(name));
        let kubectl = Kubectl::on(&manifest.cluster);
        let command = match manifest.form {
            Form::Object => kubectl.words("create -f").word(&path),
            Form::JsonPatch => kubectl
                .namespace(object.namespace)
                .words("patch")
                .word(&object.kind.qualified())
                .word(&object.name)
                .words("--type=json --patch-file")
                .word(&path),
        };
        command.to_string()
    }
}

/// Says which files were written.
pub fn show(ui: &Ui, manifests: &Manifests<'_>) -> Result<(), Error> {
    for Named { manifest, file, .. } in manifests.named() {
        ui.result(format!("{} written to {}", manifest.object, manifests.path(&file)))?;
    }
    let readme = manifests.path(README);
    ui.message(format!("{readme} says in which order they are applied; nothing was changed"));
    if manifests.hold_secrets() {
        ui.warning("the files hold secrets: delete them when they are applied");
    }
    Ok(())
}

/// That there is nothing to apply, so that what an earlier run has written is of no use any more.
pub fn show_none(ui: &Ui, directory: &Path) {
    ui.message(format!("there is nothing to apply: {} is left as it is", directory.display()));
}

fn name(number: usize, manifest: &Manifest) -> String {
    let words = format!("{}-{}-{}", manifest.cluster, manifest.object.kind.kind, manifest.object.name);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    let plain: String =
        words.chars().map(|c| if is_plain(c) { c.to_ascii_lowercase() } else { '-' }).collect();
    let plain = plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    let suffix = if manifest.form == Form::Object { "yaml" } else { "json" };
    format!("{number:02}-{plain}.{suffix}")
}

fn text(manifest: &Manifest) -> Result<String, Error> {
    match manifest.form {
        Form::Object => serde_yaml::to_string(&manifest.content).map_err(|error| error.to_string()),
        Form::JsonPatch => serde_json::to_string_pretty(&manifest.content)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string()),
    }
    .map_err(|cause| Error::new(ErrorKind::Error, format!("{} cannot be written: {cause}", manifest.object)))
}

/// What is applied without a file, or waited for.
fn further(step: &Step, is_known: bool) -> Vec<String> {
    match step {
        Step::Configure(step) if step.expected == ConfigurationNeed::Restart => vec![
            Kubectl::on(&step.cluster)
                .namespace(NAMESPACE)
                .words("rollout restart")
                .word(&format!("deployment/{NAME}"))
                .to_string(),
        ],
        Step::Register(step) if is_known || !step.creates => waits(step),
        _ => Vec::new(),
    }
}

/// One command for each condition: kubectl waits for one at a time.
fn waits(step: &Register) -> Vec<String> {
    let awaited: &[ConditionType] = match step.installer {
        Some(_) => &INSTALLED,
        None => &[ConditionType::Ready],
    };
    let resource = format!("{}/{}", ObjectKind::CLUSTER.qualified(), step.name);
    let wait = |condition: &ConditionType| {
        let wait = Kubectl::on(&step.host).words(&format!("wait --for=condition={}", condition.as_str()));
        wait.words("--timeout=10m").word(&resource).to_string()
    };
    awaited.iter().map(wait).collect()
}

fn remark(step: &Step, is_known: bool) -> Option<String> {
    let again = "run the command at the top again, which replaces these files";
    Some(match step {
        Step::MakeCredential(_) if is_known => format!(
            "Kubernetes writes the token into the Secret within seconds. The Cluster stores that token, so its file comes \
             with a second run: {again}."
        ),
        Step::MakeCredential(_) => "No file: a certificate's key is made when the certificate is requested, and is kept by \
                                    nobody else. `kubectl mc import` requests it and does the rest; with `--credentials \
                                    context` the Cluster stores the context's own user instead."
            .to_owned(),
        Step::Configure(step) => format!(
            "It has taken effect when the installer's run for it has succeeded: `{}` follows that.",
            Mc::logs(&step.cluster)
        ),
        Step::Register(step) if step.creates && step.credential == CredentialKind::Certificate => format!(
            "No file: `{}` creates it, with the certificate that it requests.",
            Mc::new("import").member(&step.member).host(&step.host)
        ),
        Step::Register(step) if step.creates && !is_known => {
            format!("No file yet: Cluster {} stores a credential that does not exist yet. Once it does, {again}.", step.name)
        }
        Step::Register(step) if step.creates && step.installer.is_some() => format!(
            "Write nothing to the Cluster before its condition KSCoreReady is True: each write meanwhile lets the host install \
             KubeSphere again. Nobody has tried whether every node of the host reaches the member; `{}` does.",
            Mc::new("check").member(&step.member).host(&step.host).words("--reachability=nodes")
        ),
        Step::Register(step) if step.creates => format!(
            "Nobody has tried whether every node of the host reaches the member; `{}` does.",
            Mc::new("check").member(&step.member).host(&step.host).words("--reachability=nodes")
        ),
        Step::DescribeCluster(step) if step.host_writes => format!(
            "No file yet: its host still writes to the Cluster. Once its condition KSCoreReady is True, {again}."
        ),
        Step::SweepPods(_) => "No file: the next `kubectl mc` command that changes this host deletes them.".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use kubesphere::{object::ObjectRef, side::Side};
    use serde_json::json;

    use super::*;

    fn patch(context: &str, object: ObjectRef) -> Manifest {
        Manifest::of_patch(&Side::member(context), object, json!([]))
    }

    #[test]
    fn a_name_has_nothing_that_a_shell_or_a_path_would_read() {
        let object = ObjectKind::CLUSTER_CONFIGURATION.named("ks-installer");
        assert_eq!(
            name(7, &patch("admin@arn:aws/edge 1", object)),
            "07-member-admin-arn-aws-edge-1-clusterconfiguration-ks-installer.json"
        );
        let secret = Manifest { form: Form::Object, ..patch("../..", ObjectKind::SECRET.named("a:b")) };
        assert_eq!(name(12, &secret), "12-member-..-..-secret-a-b.yaml");
    }

    #[test]
    fn a_command_is_quoted_and_names_the_file_as_it_is_reached() {
        let object = ObjectKind::CLUSTER.named("edge-1");
        let manifests = Manifests {
            operation: Operation::Join,
            observed: Vec::new(),
            written: Vec::new(),
            directory: Path::new("to apply"),
            command: String::new(),
        };
        assert_eq!(
            manifests.apply(&patch("a b", object), "01-x.json"),
            "kubectl --context 'a b' patch clusters.cluster.kubesphere.io edge-1 --type=json --patch-file \
             'to apply/01-x.json'"
        );
    }
}
