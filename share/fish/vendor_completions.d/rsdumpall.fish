complete -c rsdumpall -s f -l file -d 'Output file or directory; standard output if not given' -r -F
complete -c rsdumpall -s F -l format -d 'One script (plain), or a directory with an archive for each database' -r
complete -c rsdumpall -s j -l jobs -d 'Dump each database with this many parallel jobs' -r
complete -c rsdumpall -s Z -l compress -d 'Compress the archives as this says' -r
complete -c rsdumpall -l exclude-database -d 'Leave out the databases that this pattern finds' -r
complete -c rsdumpall -l filter -d 'Leave out the databases that this file names' -r -F
complete -c rsdumpall -s l -l database -d 'Database to read roles and tablespaces from' -r
complete -c rsdumpall -l progress -d 'Show how far it is: auto (a bar on a terminal, else a line every 30 seconds), never or json' -r
complete -c rsdumpall -l report -d 'Write a report of the run to this file, in JSON' -r -F
complete -c rsdumpall -s E -l encoding -d 'Encoding of the dump' -r
complete -c rsdumpall -s S -l superuser -d 'Superuser who disables triggers' -r
complete -c rsdumpall -l extra-float-digits -d 'How exactly floats are written' -r
complete -c rsdumpall -l lock-wait-timeout -d 'Give up on a table lock after this time' -r
complete -c rsdumpall -l restrict-key -d 'Key for psql\'s \\restrict' -r
complete -c rsdumpall -l rows-per-insert -d 'Rows per INSERT; implies --inserts' -r
complete -c rsdumpall -s d -l dbname -d 'Database to connect to: a name, a connection string or a URI' -r
complete -c rsdumpall -s h -l host -d 'Database server host or socket directory' -r
complete -c rsdumpall -s p -l port -d 'Database server port number' -r
complete -c rsdumpall -s U -l username -d 'Connect as specified database user' -r
complete -c rsdumpall -l role -d 'Do SET ROLE before anything else' -r
complete -c rsdumpall -s v -l verbose -d 'Say what is being done'
complete -c rsdumpall -s V -l version -d 'Print the version, then exit'
complete -c rsdumpall -l no-sync -d 'Do not wait for the file to be safe on disk'
complete -c rsdumpall -s ? -l help -d 'Show this help, then exit'
complete -c rsdumpall -s g -l globals-only -d 'Dump only what belongs to no database'
complete -c rsdumpall -s r -l roles-only -d 'Dump only roles'
complete -c rsdumpall -s t -l tablespaces-only -d 'Dump only tablespaces'
complete -c rsdumpall -l no-role-passwords -d 'Leave out the passwords of roles'
complete -c rsdumpall -s a -l data-only -d 'Only the data, no schema'
complete -c rsdumpall -s c -l clean -d 'Drop databases, roles and tablespaces before creating them'
complete -c rsdumpall -s O -l no-owner -d 'Leave out the objects\' owners'
complete -c rsdumpall -s s -l schema-only -d 'Only the schema, no data'
complete -c rsdumpall -s x -l no-privileges -d 'Leave out privileges (GRANT and REVOKE)'
complete -c rsdumpall -l binary-upgrade -d 'For use by upgrade utilities only'
complete -c rsdumpall -l column-inserts -d 'Rows as INSERT commands with column names'
complete -c rsdumpall -l disable-dollar-quoting -d 'Quote bodies as SQL does'
complete -c rsdumpall -l disable-triggers -d 'Disable triggers while data is restored alone'
complete -c rsdumpall -l if-exists -d 'Use IF EXISTS when dropping'
complete -c rsdumpall -l inserts -d 'Rows as INSERT commands'
complete -c rsdumpall -l load-via-partition-root -d 'Load partitions through the root table'
complete -c rsdumpall -l no-comments -d 'Leave out comments'
complete -c rsdumpall -l no-data -d 'Leave out data'
complete -c rsdumpall -l no-policies -d 'Leave out row security policies'
complete -c rsdumpall -l no-publications -d 'Leave out publications'
complete -c rsdumpall -l no-schema -d 'Leave out the schema'
complete -c rsdumpall -l no-security-labels -d 'Leave out security labels'
complete -c rsdumpall -l no-statistics -d 'Leave out statistics'
complete -c rsdumpall -l no-subscriptions -d 'Leave out subscriptions'
complete -c rsdumpall -l no-table-access-method -d 'Leave out table access methods'
complete -c rsdumpall -l no-tablespaces -d 'Leave out tablespaces'
complete -c rsdumpall -l no-toast-compression -d 'Leave out TOAST compression methods'
complete -c rsdumpall -l no-unlogged-table-data -d 'Leave out the rows of unlogged tables'
complete -c rsdumpall -l on-conflict-do-nothing -d 'INSERT commands pass over rows that are there'
complete -c rsdumpall -l quote-all-identifiers -d 'Quote all identifiers, even if not key words'
complete -c rsdumpall -l sequence-data -d 'Include sequence values even without other data'
complete -c rsdumpall -l statistics -d 'Include statistics'
complete -c rsdumpall -l statistics-only -d 'Only the statistics, not schema or data'
complete -c rsdumpall -l use-set-session-authorization -d 'SET SESSION AUTHORIZATION instead of ALTER OWNER'
complete -c rsdumpall -s w -l no-password -d 'Never prompt for password'
complete -c rsdumpall -s W -l password -d 'Force password prompt (should happen automatically)'
