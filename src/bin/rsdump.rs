//! The `rsdump` command; everything it does lives in the library.

fn main() -> std::process::ExitCode {
    rsdump::cli::dump::main()
}
