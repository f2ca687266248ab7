//! Certificates made with `openssl` for one test: authorities, servers of every kind of key, clients, revocation lists.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::{clean, stdout_of};

/// A directory of certificates, and an authority `root` that signs them. `NAME.crt` and `NAME.key` belong together.
pub(crate) struct Certificates {
    dir: tempfile::TempDir,
}

/// How a certificate is made.
pub(crate) struct Recipe<'a> {
    /// The common name.
    pub(crate) name: &'a str,
    /// `openssl genpkey`'s words.
    pub(crate) key: &'a str,
    /// Lines of extensions; none makes a certificate of version 1.
    pub(crate) extensions: &'a str,
    /// Who signs; itself if empty.
    pub(crate) issuer: &'a str,
    /// Further words for the signing command.
    pub(crate) signing: &'a str,
}

impl Default for Recipe<'_> {
    fn default() -> Self {
        Recipe {
            name: "db.example.org",
            key: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            extensions: "basicConstraints=CA:FALSE\n",
            issuer: "root",
            signing: "-days 30",
        }
    }
}

impl Certificates {
    /// A directory with the authority in it.
    pub(crate) fn new() -> Certificates {
        let dir = tempfile::tempdir().expect("a directory for certificates");
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("chmod");
        let certificates = Certificates { dir };
        certificates.make(
            "root",
            &Recipe {
                name: "Test Root",
                extensions: AUTHORITY,
                issuer: "",
                ..Recipe::default()
            },
        );
        certificates
    }

    /// Where a file is.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// Makes a key and a certificate under a name.
    pub(crate) fn make(&self, file: &str, recipe: &Recipe<'_>) {
        let (key, request, certificate) = (
            format!("{file}.key"),
            format!("{file}.csr"),
            format!("{file}.crt"),
        );
        self.openssl(&format!("genpkey {} -out {key}", recipe.key), &[]);
        self.openssl(
            &format!("req -new -key {key} -out {request} -config empty.cnf"),
            &["-subj", &format!("/CN={}", recipe.name)],
        );
        let signer = match recipe.issuer {
            "" => format!("-signkey {key}"),
            issuer => format!("-CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial"),
        };
        let extensions = if recipe.extensions.is_empty() {
            String::new()
        } else {
            self.write(&format!("{file}.ext"), recipe.extensions);
            format!("-extfile {file}.ext")
        };
        let signing = recipe.signing;
        self.openssl(
            &format!("x509 -req -in {request} {signer} {extensions} {signing} -out {certificate}"),
            &[],
        );
    }

    /// Puts one file behind another.
    pub(crate) fn append(&self, file: &str, other: &str) {
        let mut text = std::fs::read(self.path(file)).expect("read a certificate");
        text.extend(std::fs::read(self.path(other)).expect("read a certificate"));
        std::fs::write(self.path(file), text).expect("write a certificate");
    }

    /// A list of the root's on which these certificates are.
    pub(crate) fn revoke(&self, list: &str, revoked: &[&str]) {
        self.write("index.txt", "");
        self.write(
            "ca.cnf",
            "[ca]\ndefault_ca=it\n[it]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\ncrlnumber=number.txt\n",
        );
        self.write("number.txt", "01\n");
        let root = "-config ca.cnf -cert root.crt -keyfile root.key";
        for certificate in revoked {
            self.openssl(&format!("ca {root} -revoke {certificate}.crt"), &[]);
        }
        self.openssl(&format!("ca {root} -gencrl -out {list}"), &[]);
    }

    /// Runs `openssl` in the directory: words, then arguments that may hold spaces.
    pub(crate) fn openssl(&self, words: &str, last: &[&str]) {
        if !self.path("empty.cnf").exists() {
            self.write("empty.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
        }
        stdout_of(
            clean(Command::new("openssl"))
                .current_dir(self.dir.path())
                .args(words.split_whitespace())
                .args(last),
        );
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap_or_else(|e| panic!("cannot write {file}: {e}"));
    }
}

/// The extensions of an authority.
pub(crate) const AUTHORITY: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";

/// Copies a file to where a server reads it, as the server's own.
pub(crate) fn install(from: &Path, to: &Path, mode: u32) {
    use std::os::unix::fs::{MetadataExt, chown};
    std::fs::copy(from, to).unwrap_or_else(|e| panic!("cannot copy {}: {e}", from.display()));
    std::fs::set_permissions(to, PermissionsExt::from_mode(mode)).expect("chmod");
    let owner = std::fs::metadata(to.parent().expect("a directory")).expect("the directory's owner");
    chown(to, Some(owner.uid()), Some(owner.gid())).expect("give the file to the server");
}
