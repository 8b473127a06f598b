//! The image that nodes have, made here: one static program that waits.

use std::{env::consts, io};

use serde_json::json;
use tar::{Builder, Header};

use crate::assets::checksum;

/// The name under which a node has it, unless told otherwise.
pub const PAUSE: &str = "registry.k8s.io/pause:3.9";

/// `rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)`, `rt_sigtimedwait(&set, NULL, NULL, 8)` until it returns a signal,
/// `exit(0)`; the set follows. As process 1 of a container it has to take SIGTERM explicitly, by which a runtime asks it
/// to end.
const X86_64: [u8; 64] = [
    0xb8, 0x0e, 0x00, 0x00, 0x00, // mov eax, 14
    0x31, 0xff, // xor edi, edi
    0x48, 0x8d, 0x35, 0x32, 0x00, 0x00, 0x00, // lea rsi, [rip + set]
    0x31, 0xd2, // xor edx, edx
    0x41, 0xba, 0x08, 0x00, 0x00, 0x00, // mov r10d, 8
    0x0f, 0x05, // syscall
    0xb8, 0x80, 0x00, 0x00, 0x00, // wait: mov eax, 128
    0x48, 0x8d, 0x3d, 0x1c, 0x00, 0x00, 0x00, // lea rdi, [rip + set]
    0x31, 0xf6, // xor esi, esi
    0x31, 0xd2, // xor edx, edx
    0x41, 0xba, 0x08, 0x00, 0x00, 0x00, // mov r10d, 8
    0x0f, 0x05, // syscall
    0x85, 0xc0, // test eax, eax
    0x78, 0xe4, // js wait
    0xb8, 0x3c, 0x00, 0x00, 0x00, // mov eax, 60
    0x31, 0xff, // xor edi, edi
    0x0f, 0x05, // syscall
    0x0f, 0x1f, 0x00, // nop
];

/// The same for the other architecture.
const AARCH64: [u8; 64] = [
    0xe8, 0x10, 0x80, 0xd2, // mov x8, 135
    0x00, 0x00, 0x80, 0xd2, // mov x0, 0
    0xc1, 0x01, 0x00, 0x10, // adr x1, set
    0x02, 0x00, 0x80, 0xd2, // mov x2, 0
    0x03, 0x01, 0x80, 0xd2, // mov x3, 8
    0x01, 0x00, 0x00, 0xd4, // svc 0
    0x28, 0x11, 0x80, 0xd2, // wait: mov x8, 137
    0x20, 0x01, 0x00, 0x10, // adr x0, set
    0x01, 0x00, 0x80, 0xd2, // mov x1, 0
    0x02, 0x00, 0x80, 0xd2, // mov x2, 0
    0x03, 0x01, 0x80, 0xd2, // mov x3, 8
    0x01, 0x00, 0x00, 0xd4, // svc 0
    0x40, 0xff, 0xff, 0x37, // tbnz w0, 31, wait
    0xa8, 0x0b, 0x80, 0xd2, // mov x8, 93
    0x00, 0x00, 0x80, 0xd2, // mov x0, 0
    0x01, 0x00, 0x00, 0xd4, // svc 0
];

/// SIGINT and SIGTERM.
const SIGNALS: u64 = 1 << (2 - 1) | 1 << (15 - 1);

/// Where the program is loaded, whole and at once.
const BASE: u64 = 0x40_0000;
const HEADERS: u16 = 64 + 56;

/// An architecture that nodes can run on.
struct Architecture {
    name: &'static str,
    /// As ELF numbers it.
    number: u16,
    code: [u8; 64],
}

/// Whether there is a program for this machine.
pub(super) fn is_possible() -> bool {
    architecture().is_some()
}

fn architecture() -> Option<Architecture> {
    match consts::ARCH {
        "x86_64" => Some(Architecture { name: "amd64", number: 62, code: X86_64 }),
        "aarch64" => Some(Architecture { name: "arm64", number: 183, code: AARCH64 }),
        _ => None,
    }
}

/// An archive with the image under these names, as `docker save` writes it.
pub(super) fn archive(names: &[String]) -> io::Result<Vec<u8>> {
    let architecture = architecture().ok_or(io::ErrorKind::Unsupported)?;
    let layer = tar(&[("pause", &program(&architecture), 0o755)])?;
    let layer_sum = checksum::of_bytes(&layer);
    let config = json!({
        "architecture": architecture.name, "os": "linux", "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_sum}")]},
    })
    .to_string();
    let config_name = format!("{}.json", checksum::of_bytes(config.as_bytes()));
    let layer_name = format!("{layer_sum}/layer.tar");
    let manifest = json!([{"Config": config_name, "RepoTags": names, "Layers": [layer_name]}]).to_string();
    tar(&[
        (&config_name, config.as_bytes(), 0o644),
        (&layer_name, &layer, 0o644),
        ("manifest.json", manifest.as_bytes(), 0o644),
    ])
}

fn tar(files: &[(&str, &[u8], u32)]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for (name, bytes, mode) in files {
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        archive.append_data(&mut header, name, *bytes)?;
    }
    archive.into_inner()
}

/// An ELF file of one segment that is loaded as it stands in the file.
fn program(architecture: &Architecture) -> Vec<u8> {
    let size = u64::from(HEADERS) + architecture.code.len() as u64 + 8;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec(); // 64 bits, little-endian, version 1
    file.resize(16, 0);
    file.extend([2, architecture.number].map(u16::to_le_bytes).as_flattened()); // an executable for this architecture
    file.extend(1_u32.to_le_bytes());
    // Where it begins, where the table of segments lies, and that there is none of sections.
    file.extend([BASE + u64::from(HEADERS), 64, 0].map(u64::to_le_bytes).as_flattened());
    file.extend(0_u32.to_le_bytes());
    file.extend([64, 56, 1, 0, 0, 0].map(u16::to_le_bytes).as_flattened());
    file.extend([1, 5].map(u32::to_le_bytes).as_flattened()); // A segment to load, readable and executable,
    file.extend([0, BASE, BASE, size, size, 0x1000].map(u64::to_le_bytes).as_flattened());
    file.extend(architecture.code);
    file.extend(SIGNALS.to_le_bytes());
    file
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        fs,
        os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
        process::Command,
    };

    use super::*;

    #[test]
    fn the_program_waits_until_it_is_asked_to_end() {
        let Some(architecture) = architecture() else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pause");
        // Copied by another process: a file that this one holds open while a thread forks cannot be run.
        fs::write(folder.path().join("bytes"), program(&architecture)).unwrap();
        let copied = Command::new("cp").arg(folder.path().join("bytes")).arg(&path).status().unwrap();
        assert!(copied.success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let mut child = Command::new(&path).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(child.try_wait().unwrap().is_none(), "it waits");
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(0), None));
    }
}
