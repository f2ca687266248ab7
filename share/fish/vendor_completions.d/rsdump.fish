complete -c rsdump -s f -l file -d 'Output file; standard output if not given' -r -F
complete -c rsdump -l to -d 'Copy straight into this database, with no file in between: a name or a connection string' -r
complete -c rsdump -s F -l format -d 'Output format: plain (default), custom, directory or tar' -r
complete -c rsdump -s j -l jobs -d 'Use this many parallel jobs' -r
complete -c rsdump -l segment-size -d 'With several jobs: cut tables into segments of about this size (default 8MB)' -r
complete -c rsdump -s Z -l compress -d 'Compression: none, gzip, lz4 or zstd, with a level' -r
complete -c rsdump -l archive-version -d 'Version of the archive\'s layout: 1.13 to 1.16 (default)' -r
complete -c rsdump -l target-version -d 'Write only what this major release of PostgreSQL can load: 10 to 18' -r
complete -c rsdump -l lock-wait-timeout -d 'Give up on a table lock after this time' -r
complete -c rsdump -l sync-method -d 'How to make sure that the file is safe on disk: fsync or syncfs' -r
complete -c rsdump -s e -l extension -d 'Dump only these extensions' -r
complete -c rsdump -s E -l encoding -d 'Encoding of the dump' -r
complete -c rsdump -s n -l schema -d 'Dump only these schemas' -r
complete -c rsdump -s N -l exclude-schema -d 'Leave out these schemas' -r
complete -c rsdump -s t -l table -d 'Dump only these tables (views, sequences, …)' -r
complete -c rsdump -s T -l exclude-table -d 'Leave out these tables' -r
complete -c rsdump -l exclude-extension -d 'Leave out these extensions' -r
complete -c rsdump -l exclude-table-and-children -d 'As -T, children and partitions too' -r
complete -c rsdump -l exclude-table-data -d 'Leave out the rows of these tables' -r
complete -c rsdump -l exclude-table-data-and-children -d 'The same, children and partitions too' -r
complete -c rsdump -l extra-float-digits -d 'How exactly floats are written' -r
complete -c rsdump -l include-foreign-data -d 'Include the rows of foreign tables on these servers' -r
complete -c rsdump -l filter -d 'Include or exclude objects and data as this file says (- for standard input)' -r -F
complete -c rsdump -l rows-per-insert -d 'Rows per INSERT; implies --inserts' -r
complete -c rsdump -l snapshot -d 'Read under this exported snapshot' -r
complete -c rsdump -l table-and-children -d 'As -t, children and partitions too' -r
complete -c rsdump -l progress -d 'Show how far it is: auto (a bar on a terminal, else a line every 30 seconds), never or json' -r
complete -c rsdump -l report -d 'Write a report of the run to this file, in JSON' -r -F
complete -c rsdump -s S -l superuser -d 'Superuser who disables triggers' -r
complete -c rsdump -l restrict-key -d 'Key for psql\'s \\restrict' -r
complete -c rsdump -l section -d 'Only this section (pre-data, data, or post-data)' -r
complete -c rsdump -s d -l dbname -d 'Database to connect to: a name, a connection string or a URI' -r
complete -c rsdump -s h -l host -d 'Database server host or socket directory' -r
complete -c rsdump -s p -l port -d 'Database server port number' -r
complete -c rsdump -s U -l username -d 'Connect as specified database user' -r
complete -c rsdump -l role -d 'Do SET ROLE before anything else' -r
complete -c rsdump -s v -l verbose -d 'Say what is being done; more of it if given twice'
complete -c rsdump -s V -l version -d 'Print the version, then exit'
complete -c rsdump -l best-effort -d 'With --target-version: leave out or approximate what that release does not know'
complete -c rsdump -l no-sync -d 'Do not wait for the file to be safe on disk'
complete -c rsdump -s ? -l help -d 'Show this help, then exit'
complete -c rsdump -s b -l large-objects -d 'Include large objects'
complete -c rsdump -s B -l no-large-objects -d 'Leave out large objects'
complete -c rsdump -l binary-upgrade -d 'Refused: what it writes is for pg_upgrade alone'
complete -c rsdump -l inserts -d 'Rows as INSERT commands, not COPY'
complete -c rsdump -l column-inserts -d 'Rows as INSERT commands with column names'
complete -c rsdump -l on-conflict-do-nothing -d 'INSERT commands with ON CONFLICT DO NOTHING'
complete -c rsdump -l load-via-partition-root -d 'Load the rows of partitions into the root table'
complete -c rsdump -l disable-dollar-quoting -d 'SQL\'s own quoting for the bodies of functions'
complete -c rsdump -l no-toast-compression -d 'Leave out TOAST compression methods'
complete -c rsdump -l no-unlogged-table-data -d 'Leave out the rows of unlogged tables'
complete -c rsdump -l quote-all-identifiers -d 'Quote all identifiers, even if not key words'
complete -c rsdump -l sequence-data -d 'Include sequence values even without other data'
complete -c rsdump -l serializable-deferrable -d 'Wait until no serialization anomaly can show'
complete -c rsdump -s a -l data-only -d 'Only the data, no schema'
complete -c rsdump -s c -l clean -d 'Drop database objects before creating them'
complete -c rsdump -s C -l create -d 'Create the database and connect to it'
complete -c rsdump -s O -l no-owner -d 'Leave out the objects\' owners'
complete -c rsdump -s R -l no-reconnect -d 'Accepted for compatibility, does nothing'
complete -c rsdump -s s -l schema-only -d 'Only the schema, no data'
complete -c rsdump -s x -l no-privileges -d 'Leave out privileges (GRANT and REVOKE)'
complete -c rsdump -l disable-triggers -d 'Disable triggers while data is restored alone'
complete -c rsdump -l enable-row-security -d 'Keep row security on: only the rows one has access to'
complete -c rsdump -l if-exists -d 'Use IF EXISTS when dropping objects'
complete -c rsdump -l no-comments -d 'Leave out comments'
complete -c rsdump -l no-data -d 'Leave out data'
complete -c rsdump -l no-policies -d 'Leave out row security policies'
complete -c rsdump -l no-publications -d 'Leave out publications'
complete -c rsdump -l no-schema -d 'Leave out the schema'
complete -c rsdump -l no-security-labels -d 'Leave out security labels'
complete -c rsdump -l no-statistics -d 'Leave out statistics'
complete -c rsdump -l no-subscriptions -d 'Leave out subscriptions'
complete -c rsdump -l no-table-access-method -d 'Leave out table access methods'
complete -c rsdump -l no-tablespaces -d 'Leave out tablespaces'
complete -c rsdump -l statistics -d 'Include statistics'
complete -c rsdump -l statistics-only -d 'Only the statistics, not schema or data'
complete -c rsdump -l strict-names -d 'Require each name or pattern to match something'
complete -c rsdump -l use-set-session-authorization -d 'SET SESSION AUTHORIZATION instead of ALTER OWNER'
complete -c rsdump -s w -l no-password -d 'Never prompt for password'
complete -c rsdump -s W -l password -d 'Force password prompt (should happen automatically)'
