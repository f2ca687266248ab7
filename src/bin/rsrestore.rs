//! The `rsrestore` command; everything it does lives in the library.

fn main() -> std::process::ExitCode {
    rsdump::cli::restore::main()
}
