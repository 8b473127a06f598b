//! A folder with a configuration file, and `configure` in it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::kubectl_mc::{KubectlMc, Run};

/// The secret in the file `secret`.
pub const GIVEN_SECRET: &str = "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU";
/// What stands in the fixtures and must not be shown.
const HIDDEN: [&str; 4] = ["Hunter@123", "Hunter@124", "hunter-of-logs", "correct horse"];
/// How a ClusterConfiguration begins.
pub const CONFIGURATION_HEAD: &str =
    "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\n";

/// `configure`'s words for it.
pub const MEMBER: &str = "c.yaml --role member --jwt-secret-file secret";

/// A folder with a file to edit.
pub struct Folder(TempDir);

impl Folder {
    /// With one of the fixtures as `c.yaml`.
    pub fn with(fixture: &str) -> Self {
        Self::of(&fs::read(format!("tests/fixtures/configurations/{fixture}.yaml")).unwrap())
    }

    pub fn of(bytes: &[u8]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("c.yaml"), bytes).unwrap();
        folder.chmod("c.yaml", 0o644);
        fs::write(folder.path("secret"), format!("{GIVEN_SECRET}\n")).unwrap();
        folder
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `configure` with these words, without any cluster.
    pub fn configure(&self, words: &str) -> KubectlMc {
        let secrets = HIDDEN.iter().chain(&[GIVEN_SECRET]).map(|secret| (*secret).to_owned()).collect();
        KubectlMc::new("", secrets).folder(self.0.path()).words("configure").words(words)
    }

    pub fn run(&self, words: &str) -> Run {
        self.configure(words).run()
    }

    /// These words are refused with a code and words, and no file has changed.
    #[track_caller]
    pub fn refused(&self, words: &str, code: i32, said: &[&str]) {
        let (text, names) = (fs::read(self.path("c.yaml")).ok(), self.names());
        let mut run = self.run(words).code(code).stdout("");
        for said in said {
            run = run.says(said);
        }
        run.says("hint: ");
        assert_eq!((fs::read(self.path("c.yaml")).ok(), self.names()), (text, names));
    }
}
