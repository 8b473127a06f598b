//! krew's manifest of the plugin.

use std::path::Path;

use crate::{
    Failure,
    checksums::Checksums,
    platform::{PLATFORMS, Platform},
    read_text,
    release::{Release, workspace},
};

/// The rendered manifest, at the root of the repository.
pub const FILE: &str = "krew.yaml";

/// What it is rendered from.
pub const TEMPLATE: &str = "plugin-manifest/mc.yaml.template";

/// The lines of the template between which a platform stands.
const EACH: &str = "@EACH-PLATFORM@\n";
const END: &str = "@END@\n";

/// The manifest of a release, with the platforms whose archives have a sum: a checksum that nobody computed would be
/// worse than none.
pub fn render(template: &str, release: &Release, sums: &Checksums) -> Result<String, Failure> {
    let parts = template.split_once(EACH).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    let (before, (platform, after)) = parts.ok_or("the template has no platform in it")?;
    let platforms: Vec<String> = PLATFORMS
        .iter()
        .filter_map(|one| sums.of(&release.archive(one)).map(|sum| of_platform(platform, release, one, sum)))
        .collect();
    if platforms.is_empty() {
        return Err(format!(
            "no archive of {} has a checksum; build some: cargo xtask dist",
            release.version
        )
        .into());
    }
    Ok(of_release(before, release) + &platforms.concat() + &of_release(after, release))
}

fn of_release(text: &str, release: &Release) -> String {
    text.replace("@VERSION@", &release.version).replace("@REPOSITORY@", &release.repository)
}

fn of_platform(text: &str, release: &Release, platform: &Platform, sum: &str) -> String {
    text.replace("@OS@", platform.os)
        .replace("@ARCHITECTURE@", platform.architecture)
        .replace("@ADDRESS@", &release.address(platform))
        .replace("@SHA256@", sum)
        .replace("@EXECUTABLE@", platform.executable())
}

/// The manifest of this source, with the checksums of a folder's archives.
pub fn of_folder(folder: &Path) -> Result<String, Failure> {
    let template = read_text(&workspace().join(TEMPLATE))?;
    render(&template, &Release::of_this_source(), &Checksums::in_folder(folder)?)
}

/// The checksums that a rendered manifest has, by the names of archives.
pub fn checksums(manifest: &str) -> Option<Checksums> {
    let values = |key: &'static str| {
        let lines = manifest.lines().filter_map(move |line| line.trim_start().strip_prefix(key));
        lines.map(str::trim)
    };
    let names = values("uri:").map(|address| address.rsplit('/').next().unwrap_or(address));
    let lines = values("sha256:").zip(names).map(|(sum, name)| format!("{sum}  {name}\n"));
    Checksums::parse(&lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "version: @VERSION@\n@EACH-PLATFORM@\n- uri: @ADDRESS@\n  sha256: @SHA256@\n  \
                            bin: @EXECUTABLE@\n@END@\n";

    fn release() -> Release {
        Release { version: "v1.0.0".into(), repository: "https://example.org/mc".into() }
    }

    #[test]
    fn a_platform_without_an_archive_is_left_out() {
        let sum = "a".repeat(64);
        let text = format!("{sum}  kubectl-mc_v1.0.0_windows_amd64.zip\n{sum}  something-else\n");
        let manifest = render(TEMPLATE, &release(), &Checksums::parse(&text).unwrap()).unwrap();
        let address = "https://example.org/mc/releases/download/v1.0.0/kubectl-mc_v1.0.0_windows_amd64.zip";
        assert_eq!(
            manifest,
            format!("version: v1.0.0\n- uri: {address}\n  sha256: {sum}\n  bin: kubectl-mc.exe\n")
        );
        let sums = checksums(&manifest.replace("- uri", "  uri")).unwrap();
        assert_eq!(sums.of("kubectl-mc_v1.0.0_windows_amd64.zip"), Some(sum.as_str()));
    }

    #[test]
    fn without_any_archive_there_is_no_manifest() {
        let error = render(TEMPLATE, &release(), &Checksums::default()).unwrap_err().to_string();
        assert!(error.contains("cargo xtask dist"), "{error}");
    }
}
