complete -c rsrestore -s f -l file -d 'Write a script to this file (- for standard output)' -r -F
complete -c rsrestore -s F -l format -d 'Format of the archive; recognised without being told' -r
complete -c rsrestore -l include-database -d 'Of a cluster, restore only the databases that this pattern finds' -r
complete -c rsrestore -l exclude-database -d 'Of a cluster, leave out the databases that this pattern finds' -r
complete -c rsrestore -s I -l index -d 'Restore this index' -r
complete -c rsrestore -s j -l jobs -d 'Use this many parallel jobs' -r
complete -c rsrestore -s L -l use-list -d 'Restore what this list file names, in its order' -r -F
complete -c rsrestore -s n -l schema -d 'Restore only objects in this schema' -r
complete -c rsrestore -s N -l exclude-schema -d 'Restore no objects in this schema' -r
complete -c rsrestore -s P -l function -d 'Restore this function' -r
complete -c rsrestore -s t -l table -d 'Restore this relation (table, view, etc.)' -r
complete -c rsrestore -s T -l trigger -d 'Restore this trigger' -r
complete -c rsrestore -l filter -d 'Restore or skip objects as this file says (- for standard input)' -r -F
complete -c rsrestore -l transaction-size -d 'Commit after every N objects' -r
complete -c rsrestore -l progress -d 'Show how far it is: auto (a bar on a terminal, else a line every 30 seconds), never or json' -r
complete -c rsrestore -l report -d 'Write a report of the run to this file, in JSON' -r -F
complete -c rsrestore -l role-map -d 'Call a role otherwise: as an owner, a grantee, in policies and the like' -r
complete -c rsrestore -l role-map-file -d 'Read such pairs from a file, one a line' -r -F
complete -c rsrestore -s S -l superuser -d 'Superuser who disables triggers' -r
complete -c rsrestore -l restrict-key -d 'Key for psql\'s \\restrict' -r
complete -c rsrestore -l section -d 'Only this section (pre-data, data, or post-data)' -r
complete -c rsrestore -s d -l dbname -d 'Database to connect to: a name, a connection string or a URI' -r
complete -c rsrestore -s h -l host -d 'Database server host or socket directory' -r
complete -c rsrestore -s p -l port -d 'Database server port number' -r
complete -c rsrestore -s U -l username -d 'Connect as specified database user' -r
complete -c rsrestore -l role -d 'Do SET ROLE before anything else' -r
complete -c rsrestore -s l -l list -d 'Print the archive\'s table of contents'
complete -c rsrestore -l verify -d 'Check all of the archive, without a server'
complete -c rsrestore -s v -l verbose -d 'Say what is being done; more of it if given twice'
complete -c rsrestore -s V -l version -d 'Print the version, then exit'
complete -c rsrestore -s ? -l help -d 'Show this help, then exit'
complete -c rsrestore -s g -l globals-only -d 'Of a cluster, restore only what belongs to no database'
complete -c rsrestore -s e -l exit-on-error -d 'Stop at the first error'
complete -c rsrestore -s 1 -l single-transaction -d 'Restore in a single transaction'
complete -c rsrestore -l no-data-for-failed-tables -d 'Leave out the data of tables that could not be created'
complete -c rsrestore -l analyze -d 'Analyze the tables that have been loaded, when all is restored'
complete -c rsrestore -l managed -d 'Restore as an ordinary user: leave out, and list, what only a superuser may do and roles that are missing'
complete -c rsrestore -s a -l data-only -d 'Only the data, no schema'
complete -c rsrestore -s c -l clean -d 'Drop database objects before creating them'
complete -c rsrestore -s C -l create -d 'Create the database and connect to it'
complete -c rsrestore -s O -l no-owner -d 'Leave out the objects\' owners'
complete -c rsrestore -s R -l no-reconnect -d 'Accepted for compatibility, does nothing'
complete -c rsrestore -s s -l schema-only -d 'Only the schema, no data'
complete -c rsrestore -s x -l no-privileges -d 'Leave out privileges (GRANT and REVOKE)'
complete -c rsrestore -l disable-triggers -d 'Disable triggers while data is restored alone'
complete -c rsrestore -l enable-row-security -d 'Keep row security on: only the rows one has access to'
complete -c rsrestore -l if-exists -d 'Use IF EXISTS when dropping objects'
complete -c rsrestore -l no-comments -d 'Leave out comments'
complete -c rsrestore -l no-data -d 'Leave out data'
complete -c rsrestore -l no-policies -d 'Leave out row security policies'
complete -c rsrestore -l no-publications -d 'Leave out publications'
complete -c rsrestore -l no-schema -d 'Leave out the schema'
complete -c rsrestore -l no-security-labels -d 'Leave out security labels'
complete -c rsrestore -l no-statistics -d 'Leave out statistics'
complete -c rsrestore -l no-subscriptions -d 'Leave out subscriptions'
complete -c rsrestore -l no-table-access-method -d 'Leave out table access methods'
complete -c rsrestore -l no-tablespaces -d 'Leave out tablespaces'
complete -c rsrestore -l statistics -d 'Include statistics'
complete -c rsrestore -l statistics-only -d 'Only the statistics, not schema or data'
complete -c rsrestore -l strict-names -d 'Require each name or pattern to match something'
complete -c rsrestore -l use-set-session-authorization -d 'SET SESSION AUTHORIZATION instead of ALTER OWNER'
complete -c rsrestore -s w -l no-password -d 'Never prompt for password'
complete -c rsrestore -s W -l password -d 'Force password prompt (should happen automatically)'
