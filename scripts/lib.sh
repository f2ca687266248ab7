# What the scripts share; sourced with the repository's root as the working directory.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# PostgreSQL refuses to run as root, so a root caller runs servers as another user: the packaged
# `postgres` where there is one, else `nobody`. Anyone else runs them as themselves.
server_user() {
    if [ "$(id -u)" != 0 ]; then
        id -un
    elif id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

# as_server_user COMMAND...: run it as server_user, in a directory that user can be in.
as_server_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups "$@")
    else
        (cd / && "$@")
    fi
}

# A server that will do: sets bin to the programs of target/servers/18 or of an installed one, and gets one if there is none.
find_server() {
    local candidate
    bin=
    for candidate in target/servers/18/bin /usr/lib/postgresql/1[3-9]/bin; do
        if [ -x "$candidate/psql" ] &&
            as_server_user "$(realpath "$candidate")/postgres" --version >/dev/null 2>&1; then
            bin=$(realpath "$candidate")
            return
        fi
    done
    say 'getting a PostgreSQL server'
    scripts/servers 18
    bin=$(realpath target/servers/18/bin)
}

# start_server: starts a server of $bin on a free port, with everything in a new directory $work, and leads PG* there. Both
# go when the script ends.
start_server() {
    local variable started=
    # Nothing of the caller's own settings may lead to another server. The names are not to be split.
    for variable in ${!PG*}; do unset "$variable"; done
    # The user that runs the server may be unable to enter root's own temporary directory.
    if [ "$(id -u)" = 0 ]; then work=$(mktemp -d /tmp/rsdump.XXXXXX); else work=$(mktemp -d -t rsdump.XXXXXX); fi
    trap stop_server EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    if [ "$(id -u)" = 0 ]; then chown "$(server_user)" "$work"; fi
    as_server_user "$bin/initdb" --no-sync -U postgres -A trust -E UTF8 --locale=C -D "$work/data" >/dev/null
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 12000))
        if as_server_user "$bin/pg_ctl" -D "$work/data" -l "$work/log" -w -t 60 start >/dev/null 2>&1 \
            -o "-p $port -k $work -c listen_addresses=127.0.0.1 -c fsync=off -c max_wal_size=2GB"; then
            started=yes
            break
        fi
        # Only a port that somebody else has is worth another try.
        grep -q 'could not create any TCP/IP sockets' "$work/log" || break
        : >"$work/log"
    done
    [ -n "$started" ] || { cat "$work/log" >&2; die 'the server did not start'; }
    export PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres
}

stop_server() {
    local status=$?
    trap - EXIT
    if [ -e "$work/data/postmaster.pid" ]; then
        as_server_user "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1 || true
    fi
    rm -rf "$work"
    exit "$status"
}
