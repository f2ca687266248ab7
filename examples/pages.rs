//! Writes the manual pages and shell completions of the three programs under `share/`, as `scripts/install` puts them:
//!
//!     cargo run --example pages
//!
//! A test fails when they are not what this writes.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap_complete::Shell;

#[allow(dead_code, reason = "the test calls what this calls")]
fn main() -> io::Result<()> {
    let share = Path::new(env!("CARGO_MANIFEST_DIR")).join("share");
    for (path, text) in pages()? {
        let path = share.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

/// Where each page belongs under `share/`, and what it says.
pub(crate) fn pages() -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut pages = Vec::new();
    for command in rsdump::cli::commands() {
        let name = command.get_name().to_owned();
        let mut page = Vec::new();
        manual(&command).render(&mut page)?;
        pages.push((format!("man/man1/{name}.1").into(), page));
        let shells = [
            (Shell::Bash, format!("bash-completion/completions/{name}")),
            (Shell::Zsh, format!("zsh/site-functions/_{name}")),
            (Shell::Fish, format!("fish/vendor_completions.d/{name}.fish")),
        ];
        for (shell, path) in shells {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command.clone(), &name, &mut text);
            pages.push((path.into(), text));
        }
    }
    Ok(pages)
}

/// A manual page. Behind the name at its top the name is not said again.
fn manual(command: &clap::Command) -> clap_mangen::Man {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let name = format!("{} ", command.get_name());
    let short = about
        .strip_prefix(&name)
        .unwrap_or(&about)
        .trim_end_matches('.')
        .to_owned();
    clap_mangen::Man::new(command.clone().about(short).long_about(about)).manual("rsdump")
}
