//! The `rsdumpall` command.

fn main() -> std::process::ExitCode {
    rsdump::cli::dumpall::main()
}
