//! What compiler and linker put into a program beside crates.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Failure, cargo::RUST, platform::Platform, program::output_of, read_text};

/// A library that no crate brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    pub name: &'static str,
    pub version: String,
    /// As SPDX writes it.
    pub license: &'static str,
    /// Its package URL.
    pub package: String,
    /// Its licences and notices.
    pub texts: Vec<String>,
}

/// What is in the program for a platform: Rust's standard library, and of zig's libraries those that it links there.
/// The libraries of macOS are not among them, they stay on the machine. Rust is given by its folder, zig by its program.
pub fn of_platform(platform: &Platform, rust: &Path, zig: &Path) -> Result<Vec<Linked>, Failure> {
    let zig = Zig::new(zig)?;
    let mut linked = vec![standard_library(rust)?, zig.compiler_rt()?];
    match platform.os {
        "linux" => linked.extend([zig.libunwind()?, zig.musl()?]),
        "windows" => linked.extend([zig.libunwind()?, zig.mingw()?]),
        _ => {}
    }
    Ok(linked)
}

/// With the crates that it is made of, whatever platform they are for: so its own page of copyrights has them.
fn standard_library(rust: &Path) -> Result<Linked, Failure> {
    let documents = rust.join("share/doc");
    let page = read_text(&documents.join("rust/COPYRIGHT-library.html"))?;
    let mut texts = texts_of_page(&page).ok_or("the page of copyrights of Rust's library is another one")?;
    for text in ["rust/licenses/Apache-2.0.txt", "rust/licenses/Unicode-3.0.txt", "cargo/LICENSE-MIT"] {
        texts.push(read_text(&documents.join(text))?);
    }
    Ok(Linked {
        name: "rust-std",
        version: RUST.to_owned(),
        license: "(MIT OR Apache-2.0) AND Unicode-3.0",
        package: format!("pkg:github/rust-lang/rust@{RUST}"),
        texts,
    })
}

/// What the page says of Rust's own files, and every text that comes with a crate.
fn texts_of_page(page: &str) -> Option<Vec<String>> {
    let (_, own) = page.split_once("<h2 id=\"short-version\">")?;
    let (own, crates) = own.split_once("<h2 id=\"out-of-tree-dependencies\">")?;
    let own = format!("Copyright notices for The Rust Standard Library\n\n{}", plain(own));
    let texts = crates.split("<pre>").skip(1).filter_map(|rest| Some(plain(rest.split_once("</pre>")?.0)));
    Some([own].into_iter().chain(texts).collect())
}

/// A piece of a page without its marks, and with no more than one empty line at a time.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, (_, after))) =
        rest.split_once('<').and_then(|(before, tag)| Some((before, tag.split_once('>')?)))
    {
        text.push_str(before);
        rest = after;
    }
    text.push_str(rest);
    let references =
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&"), ("&amp;", "&")];
    let text = references.into_iter().fold(text, |text, (reference, sign)| text.replace(reference, sign));
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !line.is_empty() || lines.last().is_some_and(|above| !above.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// What zig links with comes with it, in source.
struct Zig {
    folder: PathBuf,
    version: String,
}

impl Zig {
    fn new(zig: &Path) -> Result<Self, Failure> {
        let version = output_of(Command::new(zig).arg("version"))?.trim().to_owned();
        let folder = zig.parent().ok_or("zig stands in no folder")?.to_owned();
        Ok(Self { folder, version })
    }

    fn read(&self, file: &str) -> Result<String, Failure> {
        read_text(&self.folder.join(file))
    }

    /// The package that zig was brought in, and the folder in it.
    fn package(&self, folder: &str) -> String {
        format!("pkg:pypi/ziglang@{}#ziglang/lib/{folder}", self.version)
    }

    fn compiler_rt(&self) -> Result<Linked, Failure> {
        Ok(Linked {
            name: "zig-compiler-rt",
            version: self.version.clone(),
            license: "MIT",
            package: self.package("compiler_rt"),
            texts: vec![self.read("LICENSE")?],
        })
    }

    fn libunwind(&self) -> Result<Linked, Failure> {
        Ok(Linked {
            name: "llvm-libunwind",
            version: format!("zig-{}", self.version),
            license: "Apache-2.0 WITH LLVM-exception",
            package: self.package("libunwind"),
            texts: vec![self.read("lib/libunwind/LICENSE.TXT")?],
        })
    }

    fn musl(&self) -> Result<Linked, Failure> {
        let header = self.read("lib/libc/musl/src/internal/version.h")?;
        let version = header.split('"').nth(1).ok_or("the version of musl is not where it was")?.to_owned();
        Ok(Linked {
            name: "musl",
            license: "MIT",
            package: format!("pkg:generic/musl@{version}"),
            version,
            texts: vec![self.read("lib/libc/musl/COPYRIGHT")?],
        })
    }

    /// The licence and the notices that its sources begin with which have another one.
    fn mingw(&self) -> Result<Linked, Failure> {
        let header = self.read("lib/libc/include/any-windows-any/_mingw_mac.h")?;
        let number = |name: &str| {
            let name = format!("#define __MINGW64_VERSION_{name} ");
            header.lines().find_map(|line| line.strip_prefix(&name)).map(str::trim)
        };
        let version = number("MAJOR").zip(number("MINOR")).map(|(major, minor)| format!("{major}.{minor}"));
        let version = version.ok_or("the version of mingw-w64 is not where it was")?;
        Ok(Linked {
            name: "mingw-w64",
            license: "ZPL-2.1 AND MIT AND SMLNJ",
            package: format!("pkg:generic/mingw-w64@{version}"),
            version,
            texts: vec![
                self.read("lib/libc/mingw/COPYING")?,
                self.first_comment("lib/libc/mingw/winpthreads/misc.c")?,
                self.first_comment("lib/libc/mingw/gdtoa/gdtoaimp.h")?,
            ],
        })
    }

    fn first_comment(&self, file: &str) -> Result<String, Failure> {
        let source = self.read(file)?;
        let comment = source.strip_prefix("/*").and_then(|rest| rest.split_once("*/"));
        let (comment, _) = comment.ok_or_else(|| format!("{file} does not begin with its licence"))?;
        Ok(comment.trim_matches(['*', '\n']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_copyrights_is_read() {
        let page = "<h1>All</h1><h2 id=\"short-version\">Short</h2>\n\n\n<p><b>Copyright:</b> They &#60;a@b&#62;</p>\n\
                    <h2 id=\"out-of-tree-dependencies\">Others</h2>\n<h3>cc-1.2.0</h3><pre>\n  Copyright A\n</pre>\n\
                    <pre>Do &#34;it&#34;.</pre>";
        let texts = texts_of_page(page).unwrap();
        assert_eq!(
            texts[0],
            "Copyright notices for The Rust Standard Library\n\nShort\n\nCopyright: They <a@b>"
        );
        assert_eq!(texts[1..], ["  Copyright A", "Do \"it\"."]);
        assert_eq!(texts_of_page("<h1>Something else</h1>"), None);
    }
}
