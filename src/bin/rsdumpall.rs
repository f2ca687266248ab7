//! The `rsdumpall` command. It cannot dump a cluster yet, and says so.

fn main() -> std::process::ExitCode {
    eprintln!("rsdumpall: error: dumping a whole cluster is not supported yet");
    eprintln!(
        "rsdumpall: hint: Use rsdump for each database, and pg_dumpall --globals-only for roles and tablespaces."
    );
    std::process::ExitCode::FAILURE
}
